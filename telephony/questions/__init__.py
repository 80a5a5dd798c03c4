"""The spoken question: heard, answered by the assistant, said; the caller is always given back to the dialplan."""
