"""A phone script, compiled to Asterisk's dialplan.

`knowledge.scripts.walk` tells what a caller hears next; this package tells the same to Asterisk, so that menus, hours, holidays, transfers
and queues work with every Python process dead. Nothing that a person typed goes into a line: nodes are `n1, n2…`, sounds are hashes of what
they say, services are their checked identifiers (T01, T06). Every node is compiled once for each language and speed; « slower » and a
change of language go to the twin context.
"""

from telephony.dialplan.compiler import compiled, days_covered
from telephony.dialplan.lines import SLOW, Dialplan, Line, context_of, speech_suffix

__all__ = ["SLOW", "Dialplan", "Line", "compiled", "context_of", "days_covered", "speech_suffix"]
