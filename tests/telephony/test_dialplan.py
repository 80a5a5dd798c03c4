"""The compiled dialplan: closed, generated, announced. On paper here; on a real Asterisk in test_publisher.py and test_line_calls.py."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import ContentRefused
from knowledge.scripts.model import Script, parse
from knowledge.scripts.telling import Sentence, Told
from telephony.dialplan import Dialplan, Line, compiled
from telephony.dialplan.announcement import unannounced
from telephony.dialplan.queues import ANNOUNCEMENTS, queues
from telephony.errors import ScriptUncompilable
from tests.telephony.small_script import SMALL, small, told

HOSTILE = (
    "${SHELL(touch /tmp/a)}",
    "$[1+1]",
    "ligne\nexten = s,1,System(id)",
    "; #exec /bin/sh",
    "a&b,c(d)=>e",
    "`id`",
    "] [trunk]",
    "\u2028#include x",
)
GRAMMAR = re.compile(
    r"\[a\d+_[a-z0-9_]+\]"
    r"|exten = (?:[a-zA-Z]+|[0-9*#]|\d{8}|[0-9a-f]{32}),\d+(?:\([a-z]+\))?,[A-Z][A-Za-z]+\([A-Za-z0-9_ ${}\[\]()=<>!|&.,:?*#\"@/+%^-]*\)"
)


def sounds_of(said: Told) -> dict[tuple[Sentence, str], str]:
    """A sound for each sentence and speed, named by its place: two scripts that differ by their words only get the same names."""
    return {
        (sentence, rate): f"{index:031x}{number}"
        for index, sentence in enumerate(said.sentences())
        for number, rate in enumerate(("normal", "slow"))
    }


def plan(script: Script | None = None, version: int = 12) -> Dialplan:
    said = told(script)
    return compiled(said, version, sounds_of(said), "Europe/Paris")


def test_every_generated_line_is_of_a_closed_grammar() -> None:
    for line in plan().text.splitlines():
        assert not line or GRAMMAR.fullmatch(line), line


def test_nothing_in_the_dialplan_can_run_a_program_or_read_a_file() -> None:
    applications = {line.application for line in plan().lines}

    assert applications <= {
        "Answer", "AudioSocket", "Background", "CELGenUserEvent", "Dial", "Goto", "GotoIf", "Hangup", "NoOp", "Playback", "Queue", "Record",
        "Return", "Set", "TryExec", "Wait", "WaitExten",
    }  # fmt: skip
    assert not re.search(r"SHELL|SYSTEM|CURL|FILE\(|EVAL|ENV\(|AGI|#exec|#include", plan().text)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=60).filter(str.strip), min_size=3, max_size=3))
def test_two_scripts_that_differ_only_by_their_words_give_the_same_dialplan(words: list[str]) -> None:
    named = small().model_copy(update={"title": words[0]})
    said = told()
    other = replace(said, script=named, parts={place: _reworded(part, words) for place, part in said.parts.items()})

    first = compiled(said, 12, sounds_of(said), "Europe/Paris")
    assert compiled(other, 12, _same_sounds(said, other), "Europe/Paris").text == first.text


def _reworded(part: tuple[Sentence, ...], words: list[str]) -> tuple[Sentence, ...]:
    return tuple(Sentence(f"{words[1]} {sentence.text} {words[2]}", sentence.language) for sentence in part)


def _same_sounds(said: Told, other: Told) -> dict[tuple[Sentence, str], str]:
    known = sounds_of(said)
    return {
        (new, rate): known[old, rate]
        for place, part in said.parts.items()
        for old, new in zip(part, other.parts[place], strict=True)
        for rate in ("normal", "slow")
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_sentence_never_enters_the_dialplan(text: str) -> None:
    script = small()
    nodes = dict(script.nodes)
    nodes["au_revoir"] = nodes["au_revoir"].model_copy(update={"say": {"fr": text.replace("{", "("), "en": text.replace("{", "(")}})

    written = plan(script.model_copy(update={"nodes": nodes})).text

    assert text not in written
    assert all(not line or GRAMMAR.fullmatch(line) for line in written.splitlines())


def test_a_name_that_is_not_one_of_the_house_is_refused_before_compiling() -> None:
    for name in ("n1,2", "${X}", "Menu", "a b", "é", "-"):
        with pytest.raises(ContentRefused):
            parse(SMALL.replace("horaires:", f'"{name}":'), "small.yml")


def test_no_transfer_nor_queue_is_compiled_without_its_announcement() -> None:
    assert any(line.application == "Dial" for line in plan().lines)
    assert any(line.application == "Queue" for line in plan().lines)
    assert unannounced(plan()) == ()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_way_round_an_announcement_is_found(data: st.DataObject) -> None:
    good = plan()
    index = data.draw(st.sampled_from([number for number, line in enumerate(good.lines) if line.application in ("Dial", "Queue")]))
    target = good.lines[index]
    before = [number for number, line in enumerate(good.lines) if (line.context, line.extension) == (target.context, "s")]
    played = next(number for number in before if good.lines[number].application == "Playback")
    kind = data.draw(st.sampled_from(["jump", "silent", "unchecked", "unplayed"]))
    lines = list(good.lines)
    if kind == "jump":
        place = data.draw(st.sampled_from([number for number, line in enumerate(lines) if line.application == "Goto"]))
        lines[place] = replace(lines[place], data=f"{target.context},s,{target.priority}")
    elif kind == "silent":
        lines[played] = replace(lines[played], application="NoOp")
    elif kind == "unchecked":
        check = next(number for number in before if lines[number].application == "GotoIf")
        lines[check] = replace(lines[check], data='$["1"="1"]?:unanswered,1')
    else:
        lines[played + 1] = replace(lines[played + 1], data="ANNOUNCED=SUCCESS")

    assert target in unannounced(Dialplan(good.version, tuple(lines), good.sounds))


def test_the_last_context_bears_the_digest_of_all_that_comes_before() -> None:
    compiled_plan = plan()
    before, _, end = compiled_plan.text.rpartition("[a12_end]")

    assert compiled_plan.digest in end
    assert plan(version=13).digest != compiled_plan.digest
    assert len(before) > 1000


def test_every_goto_leads_to_a_line_that_exists() -> None:
    compiled_plan = plan()
    places = {(line.context, line.extension, str(line.priority)) for line in compiled_plan.lines}
    places |= {(line.context, line.extension, line.label) for line in compiled_plan.lines if line.label}
    for line in compiled_plan.lines:
        for target in _targets(line):
            parts = target.split(",")
            full = (line.context, line.extension, *parts)[-3:] if len(parts) == 1 else (line.context, *parts)[-3:]
            assert full in places, f"{line} leads nowhere"


def _targets(line: Line) -> list[str]:
    if line.application not in ("Goto", "GotoIf"):
        return []
    written = line.data.rpartition("?")[2] if line.application == "GotoIf" else line.data
    return [target for target in written.split(":") if target]


def test_the_language_and_the_speed_lead_to_the_twin_context() -> None:
    lines = {(line.context, line.extension): line.data for line in plan().lines if line.application == "Goto"}

    assert lines["a12_frn_n2", "8"] == "a12_enn_n3,s,1"
    assert lines["a12_frn_n4", "9"] == "a12_frs_n4,s,1"
    assert lines["a12_frs_n4", "9"] == "a12_frs_n4,s,1"
    assert lines["a12_enn_n4", "0"] == "a12_enn_n7,s,1"


def test_a_spoken_question_leads_only_to_the_places_of_an_enumeration() -> None:
    places = {line.extension for line in plan().lines if line.context == "a12_frn_go"}

    assert places == {"menu", "agent", "permis", "standard", "migrations"}


def test_what_was_asked_is_told_to_whoever_answers_by_the_name_of_a_sound_and_nothing_else() -> None:
    whispers = {line.context for line in plan().lines if line.context.endswith("_whisper")}
    read = [line for line in plan().lines if "accueil_said" in line.data]

    assert len(whispers) == len(read) == 3 * 2 * 2  # three desks, two languages, two speeds
    assert {line.context for line in read} == whispers
    assert {line.data for line in read} == {"SAID=${FILTER(0-9a-f,${DB(accueil_said/${MASTER_CHANNEL(SPEECH)}):0:32})}"}


def test_a_speed_chosen_while_speaking_is_kept_in_the_menu_and_in_the_transfer() -> None:
    script = small()
    context, menu = f"a12_frn_{script.symbol('question')}", f"{script.symbol('principal')},s,1"
    ways = [line.data for line in plan().lines if (line.context, line.extension, line.application) == (context, "outcome", "GotoIf")]

    assert f'$["${{NEXT}}"="menu"]?a12_frn_{menu}' in ways
    assert f'$["${{NEXT}}"="menu.slow"]?a12_frs_{menu}' in ways
    assert '$["${NEXT}"="permis.slow"]?a12_frs_go,permis,1' in ways
    assert '$["${NEXT}"="agent.slow"]?a12_frs_go,agent,1' in ways


def test_a_spoken_question_leads_to_the_hours_of_a_service_before_its_line_when_the_script_has_them() -> None:
    with_hours = SMALL.replace("to: vers_permis}", "to: heures_permis}") + (
        "  heures_permis: {type: schedule, service: permis, open: vers_permis, closed: ferme, holiday: ferme}\n"
    )
    script = parse(with_hours, "small.yml").script
    lines = {(line.context, line.extension): line.data for line in plan(script).lines}

    assert lines["a12_frn_go", "permis"] == f"a12_frn_{script.symbol('heures_permis')},s,1"
    assert lines["a12_frn_go", "migrations"] == f"a12_frn_{script.symbol('file_sejour')},s,1"


def test_a_service_without_a_line_cannot_be_compiled() -> None:
    said = told()
    silent = [replace(service, extension=None) for service in said.directory.services]
    without = replace(said, directory=type(said.directory)(said.directory.prefecture, tuple(silent)))

    with pytest.raises(ScriptUncompilable, match="extension"):
        compiled(without, 12, sounds_of(said), "Europe/Paris")


def test_a_sentence_without_a_sound_cannot_be_compiled() -> None:
    said = told()
    with pytest.raises(ScriptUncompilable, match="son"):
        compiled(said, 12, {}, "Europe/Paris")


def test_a_queue_tells_the_place_and_the_wait_and_refuses_callers_beyond_its_length() -> None:
    written = queues(told(), {sentence: f"queue/{sentence}" for sentence in ANNOUNCEMENTS.values()})

    assert "[migrations]" in written
    assert "member => PJSIP/1010@desks" in written
    assert "maxlen = 1\n" in written
    assert "announce-position = yes" in written
    assert "queue-thereare = queue/position_before" in written
