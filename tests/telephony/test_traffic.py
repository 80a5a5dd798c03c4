"""The figures of the calls, and what `python -m telephony calls` shows of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.journal import Period
from knowledge.database import reading
from telephony import __main__ as entrance
from telephony.records.tail import Records
from telephony.records.traffic import Figures, figures, latest
from tests.telephony.asterisk_lines import BEGINNING, Told, Writer, append

DAY = date(2026, 11, 28)


def _transferred(call: Told, wait: float, *, announced: bool = True) -> tuple[str, str]:
    if announced:
        call.says("ANNOUNCED", "permis", "SUCCESS", node="n6")
    leg = call.dials()
    call.after(wait)
    return leg


def _put_through(call: Told, wait: float, *, announced: bool = True) -> Told:
    leg = _transferred(call, wait, announced=announced)
    return call.desk("ANSWER", leg).bridged(leg).after(20).ends()


@pytest.fixture
def calls(engine: Engine, tmp_path: Path) -> list[Told]:
    """Seven callers and one self-call on 28 November, one caller the day after."""
    writer = Writer()
    made = [
        writer.call().ends(),  # hangs up before the greeting is heard
        writer.call().greeted().says("KEY", "2", node="n4").after(1).ends(),
        _put_through(writer.call().greeted().says("KEY", "1", node="n4"), 4),
        _put_through(writer.call().greeted(), 10),
        _put_through(writer.call().greeted(), 30, announced=False),
    ]
    gives_up = writer.call().greeted()
    leg = _transferred(gives_up, 12)
    made.append(gives_up.ends().desk("HANGUP", leg))
    busy = writer.call().greeted()
    leg = _transferred(busy, 1)
    made.append(busy.desk("HANGUP", leg).says("TRANSFER", "permis", "BUSY").says("END", "line").ends("dialplan/builtin"))
    made.append(_put_through(writer.call("proof").greeted(proof="1"), 1))
    made.append(Writer(at=BEGINNING + 86_400).call().greeted().ends())
    append(tmp_path / "cel.csv", b"".join(call.text for call in made))
    Records(engine, tmp_path / "cel.csv").read()
    return made


def test_each_figure_counts_what_it_says(engine: Engine, calls: list[Told]) -> None:
    with reading(engine) as opened:
        counted = figures(opened, Period(DAY, DAY))

    assert counted == Figures(
        received=7,
        welcomed=6,
        offered=5,
        answered=3,
        abandoned=1,
        lost=0,
        announced=4,
        unannounced=1,
        wait_median=pytest.approx(10),
        wait_p90=pytest.approx(26),
        proofs=1,
    )


def test_a_period_holds_its_days_only(engine: Engine, calls: list[Told]) -> None:
    with reading(engine) as opened:
        assert figures(opened, Period(date(2026, 11, 29))).received == 1
        assert figures(opened, Period(None, date(2026, 11, 27))).received == 0
        assert figures(opened, Period()).received == 8


def test_without_an_answer_there_is_no_wait(engine: Engine) -> None:
    with reading(engine) as opened:
        counted = figures(opened, Period())

    assert (counted.wait_median, counted.wait_p90, counted.received) == (None, None, 0)


def test_the_latest_calls_come_in_their_order(engine: Engine, calls: list[Told]) -> None:
    with reading(engine) as opened:
        assert [call.id for call in latest(opened, Period(), 2)] == [calls[-2].id, calls[-1].id]


# --- The command ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.database.default_engine", lambda: engine)


def test_the_command_shows_the_figures_and_the_calls(command: None, calls: list[Told], capsys: pytest.CaptureFixture[str]) -> None:
    assert entrance.main(["calls", "--from", "2026-11-28", "--to", "2026-11-28"]) == 0

    shown = capsys.readouterr().out
    for line in ("Reçus", "7", "Transferts sans annonce", "1", "10,0\u00a0s", "vérification", calls[2].id, "appelant"):
        assert line in shown
    assert calls[-1].id not in shown


def test_the_command_tells_the_way_of_one_call(command: None, calls: list[Told], capsys: pytest.CaptureFixture[str]) -> None:
    assert entrance.main(["calls", calls[2].id]) == 0

    shown = capsys.readouterr().out
    assert "Accueil entendu : oui" in shown
    assert "tape 1" in shown
    assert "Transfert vers permis : annoncé, répondu, après 4,0\u00a0s." in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["calls", "nobody"], 1, "Aucun appel ne porte la référence"),
        (["calls", "--from", "2026-11-28", "--to", "2026-11-27"], 2, "La période est vide"),
        (["calls", "--from", "2030-01-01"], 0, "Aucun appel dans cette période"),
    ],
)
def test_the_command_says_what_is_wrong(
    command: None, calls: list[Told], capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert entrance.main(arguments) == code
    assert said in "".join(capsys.readouterr())
