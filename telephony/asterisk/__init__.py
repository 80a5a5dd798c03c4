"""Asterisk, our only telephone exchange: started by `instance`, spoken to through `ami`."""
