"""Proves that no caller of a compiled version can be put through before hearing the department named to its end.

Every way through the lines is followed, whatever the caller presses: a `Dial` or `Queue` is reached only past the line that checks that the
announcement was played whole. This looks at the compiled lines, not at how they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from telephony.dialplan.lines import Dialplan, Line

_CHECK = re.compile(r'\$\["\$\{ANNOUNCED\}"="SUCCESS"\]\?:\w+,1')
_BRIDGES = ("Dial", "Queue")
_Place = tuple[str, str, int]


def unannounced(dialplan: Dialplan) -> tuple[Line, ...]:
    """The lines that put a caller through without the whole announcement before them: none, in a dialplan that may be served."""
    lines = {(line.context, line.extension, line.priority): line for line in dialplan.lines}
    labels = {(line.context, line.extension, line.label): line.priority for line in dialplan.lines if line.label}
    waiting: list[tuple[_Place, bool]] = [(place, False) for place in lines if place[2] == 1]
    waiting += [(place, False) for line in dialplan.lines for place in _jumps(line, labels)]
    seen: set[tuple[_Place, bool]] = set()
    found: dict[Line, None] = {}
    while waiting:
        place, announced = waiting.pop()
        line = lines.get(place)
        if line is None or (place, announced) in seen:
            continue
        seen.add((place, announced))
        if line.application in _BRIDGES and not announced:
            found[line] = None
        following = (place[0], place[1], place[2] + 1)
        waiting.append((following, announced or _has_checked(line, lines)))
    return tuple(found)


def _has_checked(line: Line, lines: dict[_Place, Line]) -> bool:
    """Whether a caller who goes past `line` has heard an announcement whole: played, its outcome kept, and compared."""
    if line.application != "GotoIf" or not _CHECK.fullmatch(line.data):
        return False
    before = [lines.get((line.context, line.extension, line.priority - back)) for back in (1, 2, 3)]
    names = [found.application if found else "" for found in before]
    return names == ["CELGenUserEvent", "Set", "Playback"] and bool(before[1] and before[1].data == "ANNOUNCED=${PLAYBACKSTATUS}")


def _jumps(line: Line, labels: dict[tuple[str, str, str], int]) -> Iterator[_Place]:
    """Where a line may send a caller, other than to the next priority."""
    if line.application not in ("Goto", "GotoIf"):
        return
    targets = line.data if line.application == "Goto" else line.data.rpartition("?")[2]
    for target in targets.split(":"):
        parts = target.split(",")
        priority = parts.pop()
        context, extension = {0: (line.context, line.extension), 1: (line.context, parts[0] if parts else ""), 2: tuple(parts)}[len(parts)]
        if priority.isdigit():
            yield context, extension, int(priority)
        elif priority:
            yield context, extension, labels.get((context, extension, priority), 0)
