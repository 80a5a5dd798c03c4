"""A team that is not made of engineers makes the assistant better from real questions, sees the effect first, and can go back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from bot import journal
from bot.__main__ import main as bot
from bot.assistant import Assistant
from bot.messages import Channel, Decision, Question, Reply
from bot.workbench import regression
from bot.workbench.candidate import thresholds_of, with_thresholds
from bot.workbench.preview import Kind, preview
from bot.workbench.remembered import last_questions
from knowledge import database, phrasings
from knowledge.__main__ import main as knowledge
from knowledge.database import reading, session
from knowledge.errors import PhrasingRefused
from knowledge.learned_models import ConfirmedAnswer, LearnedPhrasing
from knowledge.loading import announce, current_versions, load
from knowledge.models import Release
from knowledge.settings import settings
from tests.stock import brief_content, brief_database, real_assistant, related_to

STRANGE = "le machin vert qui clignote sur le comptoir du hall"
"""Words that no fiche holds."""


@pytest.fixture
def stock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database of this test with the brief content, which the commands use: they index all of it again and again."""
    monkeypatch.setenv("KNOWLEDGE_INDEX", str(tmp_path / "index"))
    settings.cache_clear()
    with brief_database(tmp_path) as engine:
        monkeypatch.setattr(database, "default_engine", lambda: engine)
        yield engine
    monkeypatch.undo()
    settings.cache_clear()


def _ask(assistant: Assistant, engine: Engine, text: str, conversation: str | None = None) -> tuple[str, int, Decision]:
    with session(engine) as opened:
        answer = assistant.converse(opened, Question(text, Channel.CHAT, conversation))
    assert answer.conversation is not None and answer.exchange is not None
    return answer.conversation, answer.exchange, answer.decision


def _fiche(assistant: Assistant, text: str) -> str | None:
    answer = assistant.answer(Question(text))
    return answer.fiche if isinstance(answer, Reply) else None


def _refreshed(assistant: Assistant, engine: Engine) -> bool:
    with reading(engine) as opened:
        return assistant.refresh(opened)


# --- Attach --------------------------------------------------------------------------------------------------------------


def test_an_attached_question_is_answered_by_the_servers_at_their_next_look_and_no_longer_once_withdrawn(
    stock: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant = real_assistant(stock)
    _, exchange, decision = _ask(assistant, stock, STRANGE)
    assert decision is not Decision.REPLY

    assert bot(["attach", str(exchange), "--to", "cni-perte", "--yes", "--by", "Claire"]) == 0
    assert _refreshed(assistant, stock)
    assert _fiche(assistant, STRANGE) == "cni-perte"

    number = capsys.readouterr().out.partition("Rattachée (n° ")[2].partition(")")[0]
    assert bot(["attach", "--withdraw", number, "--by", "Claire"]) == 0
    assert _refreshed(assistant, stock)
    assert _fiche(assistant, STRANGE) is None
    with reading(stock) as opened:
        row = opened.scalars(select(LearnedPhrasing)).one()
        assert (row.author, row.withdrawn_by, row.exchange_id) == ("Claire", "Claire", exchange)


def test_loading_the_content_again_keeps_what_was_attached(stock: Engine) -> None:
    with session(stock) as opened:
        phrasings.attach(opened, "cni-perte", STRANGE, "fr", "Claire")
        announce(opened, "essai")
    with session(stock) as opened:
        load(opened, brief_content())

    assert _fiche(real_assistant(stock), STRANGE) == "cni-perte"


def test_without_a_yes_the_effect_is_shown_and_nothing_changes(stock: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assistant = real_assistant(stock)
    _ask(assistant, stock, STRANGE)

    assert bot(["attach", STRANGE, "--to", "cni-perte"]) == 1
    said = capsys.readouterr()
    assert "désormais répondues" in said.out
    assert "--yes" in said.err
    assert not _refreshed(assistant, stock)


@pytest.mark.parametrize(
    ("fiche", "text", "told"),
    [
        ("cni-perte", "  ?! ", "vide"),
        ("cni-perte", "carte " * 100, "trop longue"),
        ("n-existe-pas", STRANGE, "Aucune fiche publiée"),
        ("passeport-perte", STRANGE.upper(), "déjà rattachée à la fiche « cni-perte »"),
    ],
)
def test_a_phrasing_that_would_confuse_is_refused_with_what_to_do(stock: Engine, fiche: str, text: str, told: str) -> None:
    with session(stock) as opened:
        phrasings.attach(opened, "cni-perte", STRANGE, "fr", "Claire")

    with session(stock) as opened, pytest.raises(PhrasingRefused, match=told):
        phrasings.attach(opened, fiche, text, "fr", "Claire")


def test_personal_data_typed_in_a_phrasing_is_masked(stock: Engine) -> None:
    assert bot(["attach", "mon numéro 06 12 34 56 78 pour la carte perdue", "--to", "cni-perte", "--yes"]) == 0

    with reading(stock) as opened:
        assert "06 12" not in phrasings.attached(opened)[0].text


def test_erasing_a_conversation_erases_what_was_learned_from_it(stock: Engine) -> None:
    assistant = real_assistant(stock)
    conversation, exchange, _ = _ask(assistant, stock, STRANGE)
    bot(["attach", str(exchange), "--to", "cni-perte", "--yes"])

    with session(stock) as opened:
        journal.erase(opened, conversation)
    with reading(stock) as opened:
        assert phrasings.attached(opened) == ()


def test_unanswered_questions_come_in_groups_with_the_command_that_attaches_them(stock: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assistant = real_assistant(stock)
    first = _ask(assistant, stock, "comment demander le carnet de liaison préfectoral")[1]
    second = _ask(assistant, stock, "bonjour comment demander le carnet de liaison préfectoral")[1]

    assert bot(["unanswered"]) == 0
    said = capsys.readouterr().out
    assert "1. 2 questions" in said
    assert f"python -m bot attach {first} {second} --to " in said


# --- Preview -------------------------------------------------------------------------------------------------------------


def test_a_stricter_threshold_shows_which_questions_would_lose_their_answer(stock: Engine) -> None:
    assistant = real_assistant(stock)
    _ask(assistant, stock, "j'ai perdu ma carte d'identité")
    stricter = with_thresholds(assistant, thresholds_of(assistant.thresholds, 1.0, None))
    with reading(stock) as opened:
        found = preview(assistant, stricter, last_questions(opened, 10))

    assert [(difference.kind, difference.question.question) for difference in found.differences] == [
        (Kind.LOST, "j'ai perdu ma carte d'identité")
    ]


def test_a_follow_up_is_previewed_in_its_conversation(stock: Engine) -> None:
    assistant = real_assistant(stock)
    conversation, _, _ = _ask(assistant, stock, "j'ai perdu ma carte d'identité")
    _ask(assistant, stock, "c'est combien ?", conversation)
    with reading(stock) as opened:
        newest, first = last_questions(opened, 10)

    assert [turn.text for turn in newest.context.turns] == ["j'ai perdu ma carte d'identité"]
    assert first.context.turns == ()
    assert preview(assistant, assistant, (newest, first)).differences == ()


def test_a_changed_folder_is_previewed_and_nothing_is_published(stock: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assistant = real_assistant(stock)
    _ask(assistant, stock, "j'ai perdu ma carte d'identité")
    _changed_content(tmp_path / "content")

    assert bot(["preview", "--content", str(tmp_path / "content")]) == 0
    assert "réécrite" in capsys.readouterr().out
    assert not _refreshed(assistant, stock)


def _changed_content(folder: Path, remove: bool = False) -> None:
    """The brief content with one fiche said otherwise, or removed with the links that lead to it."""
    shutil.copytree(brief_content(), folder)
    files = {file.stem: file for file in folder.glob("fiches/*/*.md")}
    lost = files["cni-perte"]
    if remove:
        files.pop("cni-perte").unlink()
        for file in files.values():
            file.write_text(related_to(files, file.read_text("utf-8")), "utf-8")
    else:
        text = lost.read_text("utf-8")
        lost.write_text(text.replace("# court\n", "# court\nPas de panique. ", 1).replace("# en\n", "# en\nDo not panic. ", 1), "utf-8")


# --- Confirmed answers ---------------------------------------------------------------------------------------------------


def test_the_set_grows_from_what_visitors_confirmed_and_from_nothing_else(stock: Engine) -> None:
    assistant = real_assistant(stock)
    conversation, liked, _ = _ask(assistant, stock, "j'ai perdu ma carte d'identité")
    follow_up = _ask(assistant, stock, "c'est combien ?", conversation)[1]
    other, disliked, decision = _ask(assistant, stock, "on m'a volé mon passeport")
    assert decision is Decision.REPLY
    with session(stock) as opened:
        journal.give_feedback(opened, conversation, liked, helped=True)
        journal.give_feedback(opened, conversation, follow_up, helped=True)
        journal.give_feedback(opened, other, disliked, helped=True)
        journal.give_feedback(opened, other, disliked, clear=False)

    with session(stock) as opened:
        assert regression.grow(opened) == 1
        assert regression.grow(opened) == 0
        case = opened.scalars(select(ConfirmedAnswer)).one()
        assert (case.question, case.fiche_id, case.author) == ("j'ai perdu ma carte d'identité", "cni-perte", regression.VISITOR)


def test_a_publication_that_loses_a_confirmed_answer_is_blocked_and_nothing_has_changed(
    stock: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bot(["regression", "j'ai perdu ma carte d'identité", "--to", "cni-perte"]) == 0
    _changed_content(tmp_path / "content", remove=True)

    assert knowledge(["load", "--content", str(tmp_path / "content")]) == 1
    assert "« j'ai perdu ma carte d'identité » : attendu « cni-perte »" in capsys.readouterr().err
    with reading(stock) as opened:
        assert current_versions(opened)["cni-perte"].status == "published"

    assert knowledge(["load", "--content", str(tmp_path / "content"), "--despite", "fiche refondue"]) == 0
    with reading(stock) as opened:
        assert "fiche refondue" in (opened.scalars(select(Release.reason).order_by(Release.id.desc())).first() or "")


def test_a_publication_that_loses_nothing_goes_through_the_gate(stock: Engine, tmp_path: Path) -> None:
    bot(["regression", "j'ai perdu ma carte d'identité", "--to", "cni-perte"])
    _changed_content(tmp_path / "content")

    assert knowledge(["load", "--content", str(tmp_path / "content")]) == 0


def test_an_answer_that_never_held_does_not_block_but_is_told(stock: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot(["regression", STRANGE, "--to", "cni-perte"])
    _changed_content(tmp_path / "content")

    assert knowledge(["load", "--content", str(tmp_path / "content")]) == 0
    capsys.readouterr()
    assert bot(["regression"]) == 1
    assert "0 sur 1 réponses confirmées tiennent" in capsys.readouterr().out
    assert bot(["regression", "--withdraw", "1"]) == 0
    assert bot(["regression"]) == 0
