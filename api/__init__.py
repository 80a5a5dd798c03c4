"""The written line: chat page and widget, and later mailbox, agents' desk, editor and indicators."""
