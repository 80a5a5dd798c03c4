"""The waiting queues of a version: one for each service that has a queue node, with its place told in the caller's language."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.scripts.model import Queue, service_symbol
from knowledge.scripts.told import Told

ANNOUNCEMENTS = {
    "queue-youarenext": "position_next",
    "queue-thereare": "position_before",
    "queue-callswaiting": "position_after",
    "queue-holdtime": "wait_before",
    "queue-minute": "wait_minute",
    "queue-minutes": "wait_minutes",
}
"""Fixed sentence (`templates/telephone.yml`) by option of the queue."""


def queues(told: Told, sounds: Mapping[str, str]) -> str:
    """The file LINE/queues.conf.

    Args:
        sounds: file of each fixed sentence of ANNOUNCEMENTS; the same name exists in each language, and Asterisk says that of the caller.
    """
    sections = []
    for node in told.script.nodes.values():
        service = told.directory.get(node.service) if isinstance(node, Queue) else None
        if not isinstance(node, Queue) or service is None:
            continue
        options = {
            "strategy": "rrmemory",
            "timeout": "20",
            "retry": "2",
            "ringinuse": "yes",
            "maxlen": str(node.most),
            "joinempty": "yes",
            "leavewhenempty": "no",
            "announce-frequency": "30",
            "min-announce-frequency": "15",
            "announce-position": "yes",
            "announce-holdtime": "once",
            "announce-to-first-user": "yes",  # else the next caller, whose wait may be long, would hear music only
            "queue-thankyou": "",
            **{option: sounds[sentence] for option, sentence in ANNOUNCEMENTS.items()},
        }
        lines = [f"[{service_symbol(node.service)}]", *(f"{option} = {value}" for option, value in options.items())]
        # the last word: whose state says that the line can ring; an extension has none, and the queue would never ring it
        sections.append("\n".join((*lines, f"member => PJSIP/{service.extension}@desks,0,{service.extension},PJSIP/desks")))
    return "\n\n".join(dict.fromkeys(sections)) + "\n"
