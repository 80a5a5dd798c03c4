"""The mail room: second half of the written line."""
