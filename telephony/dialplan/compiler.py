"""A phone script, compiled to Asterisk's dialplan: pure, and made only of generated identifiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from knowledge.scripts.model import RATES
from knowledge.scripts.told import Sentence, Told
from telephony.dialplan.lines import Context, Dialplan, Line
from telephony.dialplan.nodes import CLOCK, Version, View
from telephony.errors import ScriptUncompilable

Sounds = Mapping[tuple[Sentence, str], str]
"""Sound file (32 hexadecimal digits) by sentence and rate (`normal`, `slow`)."""

HOLIDAY_DAYS = 800
"""Holidays and closing days are written for so many days: a script is compiled again long before (hours and facts change)."""


def compiled(told: Told, version: int, sounds: Sounds, timezone: str) -> Dialplan:
    """The dialplan of `told` as version `version`.

    Args:
        sounds: the file of every sentence at both speeds.
        timezone: zone in which hours and holidays are read ("Europe/Paris").

    Raises:
        ScriptUncompilable: a sentence has no sound, a service has no line, or the numbers do not fit.
    """
    if not 0 < version < 1 << 24 or len(told.script.nodes) >= 1 << 16:
        raise ScriptUncompilable(f"La version {version} ne peut pas être compilée : numéro ou nombre de nœuds hors limites.")
    lines: list[Line] = []
    used: set[str] = set()

    def file_of(sentence: Sentence, rate: str) -> str:
        try:
            used.add(sounds[sentence, rate])
        except KeyError:
            raise ScriptUncompilable(f"La phrase « {sentence.text[:60]} » n'a pas de son. Recommencez la publication.") from None
        return f"accueil/{sounds[sentence, rate]}"

    common = Version(told, version, timezone, file_of)
    lines += _entry(common)
    for language in told.script.languages:
        for rate in RATES:
            view = View(common, language, rate)
            for name, node in told.script.nodes.items():
                lines += view.node(name, node)
            lines += view.destinations()
    lines += _closed_days(common)
    lines += _proof(common, sorted(used))
    return Dialplan(version, tuple(lines), tuple(sorted(used)))


def _entry(version: Version) -> list[Line]:
    """Crisis message, forced closure, then the greeting: read in AstDB at each call, without any reload."""
    script = version.told.script
    start = script.languages[0]
    mark = f"{version.number}|{start}n|{script.symbol(script.start)}"
    context = Context(f"a{version.number}_entry")
    context.add("s", "Set", f"CHANNEL(language)={start}")
    context.add("s", "CELGenUserEvent", f'ACCUEIL_CALL,{mark}|${{IF($["${{ACCUEIL_PROOF}}"="1"]?1:0)}}|${{CALLER_HASH}}')
    context.add("s", "GotoIf", '$["${ACCUEIL_PROOF}"="1"]?open')  # a proof hears the script, whatever is announced before it
    context.add("s", "GotoIf", f"$[0${{FILTER(0-9,${{DB(accueil/crisis_until)}})}} > {CLOCK}]?:closure")
    context.add("s", "CELGenUserEvent", f"ACCUEIL_STATE,{mark}|crisis")
    context.add("s", "Playback", "accueil/${FILTER(0-9a-f,${DB(accueil/crisis_sound)})}")
    context.add("s", "GotoIf", f"$[0${{FILTER(0-9,${{DB(accueil/closed_until)}})}} > {CLOCK}]?:open", label="closure")
    context.add("s", "CELGenUserEvent", f"ACCUEIL_STATE,{mark}|closed")
    context.add("s", "GotoIf", '$["${DB(accueil/closed_sound)}"=""]?fixed')
    context.add("s", "Playback", "accueil/${FILTER(0-9a-f,${DB(accueil/closed_sound)})}")
    context.add("s", "Goto", f"{version.context(start, RATES[0], script.forced_closure)},s,1", label="fixed")
    context.add("s", "Goto", f"{version.context(start, RATES[0], script.start)},s,1", label="open")
    return context.lines


def _closed_days(version: Version) -> list[Line]:
    """One extension for each day on which the préfecture does not receive."""
    calendar = version.told.directory.prefecture.calendar
    context = Context(f"a{version.number}_days")
    for offset in range(-1, HOLIDAY_DAYS):
        day = version.told.day + timedelta(days=offset)
        if not calendar.receives(day):
            context.add(f"{day:%Y%m%d}", "NoOp", "closed")
    return context.lines


def _proof(version: Version, sounds: Iterable[str]) -> list[Line]:
    """Where the line hears each of its own sounds: reachable from the self-call endpoint only."""
    context = Context(f"a{version.number}_proof")
    mark = f"ACCUEIL_CALL,{version.number}|{version.told.script.languages[0]}n|n0|1|"
    for sound in sounds:
        context.add(sound, "CELGenUserEvent", mark)
        for application, data in (("Answer", ""), ("Wait", "0.3"), ("Playback", f"accueil/{sound}"), ("Wait", "0.2"), ("Hangup", "")):
            context.add(sound, application, data)
    return context.lines


def days_covered(day: date) -> date:
    """The last day whose holidays a script compiled on `day` knows."""
    return day + timedelta(days=HOLIDAY_DAYS - 1)
