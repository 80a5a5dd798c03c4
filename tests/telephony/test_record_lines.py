"""What is found in the bytes that Asterisk wrote: every record, and what is no record; nothing that a caller could forge."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.records.lines import EVENTS, LEGS, Damaged, Record, identity, split
from tests.telephony.asterisk_lines import LEG, Writer, mixed, quoted, simple_calls


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4000), max_size=30).map(sorted))
def test_however_the_file_grows_the_same_records_are_found(cuts: list[int]) -> None:
    text = mixed(simple_calls(3))
    expected, _ = split(text, 0, EVENTS)
    found: list[Record | Damaged] = []
    place = 0
    for cut in [*(cut for cut in cuts if cut < len(text)), len(text)]:
        lines, taken = split(text[place:cut], place, EVENTS)
        found += lines
        place += taken

    assert found == expected


HOSTILE = [
    '"; DROP TABLE phone_call; --',
    'a","b","c',
    'end"\n"LINKEDID_END","","1795869000.0","","1.1","1.1","PJSIP/trunk-1","","","",""\n',
    "line\nbreak\r\nand more\n\n",
    '""""""',
    '"',
    '"\n',
    "\\\",',|;",
    "=cmd|' /C calc'!A0",
    "\u2028\u2029\u0085\x1c",
    "é\udcff\x00",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("column", [3, 7, 8, 10])
def test_a_hostile_value_stays_inside_its_column(text: str, column: int) -> None:
    fields = ["ANSWER", "", "1795869001.5", "extra", "1.1", "1.1", "PJSIP/trunk-1", "peer", "Answer", "trunk", "s"]
    fields[column] = text
    around = simple_calls(2)

    lines, _ = split(around[0].text + quoted(*fields) + around[1].text, 0, EVENTS)

    assert len(lines) == 19
    (found,) = [line for line in lines if isinstance(line, Record) and line.call == "1.1"]
    if "\x00" not in text:
        assert found.detail[EVENTS.columns[column]] == text
    assert "\x00" not in str(found.detail)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from('",\nA_E|x'), max_size=25), min_size=8, max_size=8), st.integers(0, 400))
def test_no_text_can_forge_a_record_even_in_a_damaged_file(values: list[str], cut: int) -> None:
    """Whatever bytes are missing before it, a record that is found is one that Asterisk wrote."""
    line = quoted("ANSWER", values[0], "1795869001.5", *values[:2], "1.1", *values[2:5], *values[5:7])
    around = simple_calls(2)
    text = around[0].text[:-1] + line[min(cut, len(line)) :] + around[1].text

    lines, _ = split(text, 0, EVENTS)

    written = {*around[0].lines, *around[1].lines, line}
    for found in lines:
        if isinstance(found, Record) and found.call != "1.1":
            assert any(text[found.offset :].startswith(one.rstrip(b"\n")) for one in written)


def test_two_files_have_the_same_name_only_when_they_begin_alike() -> None:
    writer = Writer()
    one, two = simple_calls(1, writer)[0].text, simple_calls(1, writer)[0].text

    assert identity(one, EVENTS) == identity(one + two, EVENTS) != identity(two, EVENTS)
    assert identity(one[:-1].split(b"\n")[0], EVENTS) is None
    assert identity(b"", EVENTS) is None
    assert identity(LEG, LEGS) != identity(LEG, EVENTS)
