"""The national feed: read whole or refused whole; proposed, then approved by a person; the second reading changes nothing."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from knowledge.clock import Clock
from knowledge.database import reading, session
from knowledge.errors import SourceRefused
from knowledge.indexing import approved_sheets
from knowledge.loading import load
from knowledge.models import JournalEvent, Page, Release
from knowledge.sources import service_public
from knowledge.sources.approval import approve, suspend
from knowledge.sources.pages import Changes
from knowledge.sources.report import compose
from tests.knowledge.builders import Content
from tests.knowledge.web import Served, WebServer

SAMPLE = Path(__file__).parent / "samples" / "service-public"
ENTRIES = {path.name: path.read_bytes() for path in sorted(SAMPLE.glob("*.xml"))}
CORPUS = os.environ.get("ACCUEIL_CORPUS_FOLDER")

Feed = Callable[[Mapping[str, bytes]], Path]


def back_then() -> datetime:
    """A clock of the days of the sample."""
    return datetime(2020, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """Writes an archive and gives its path."""

    def write(entries: Mapping[str, bytes]) -> Path:
        path = tmp_path / "flux.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        return path

    return write


def _fetch(engine: Engine, path: Path, clock: Clock = back_then, **options: bool) -> Changes:
    read = service_public.read(path)
    with session(engine) as opened:
        return service_public.store(opened, read, clock=clock, **options)


def _state(engine: Engine) -> list[tuple[object, ...]]:
    with reading(engine) as opened:
        rows = opened.scalars(select(Page).order_by(Page.external_id))
        return [(row.external_id, row.title, row.status, row.digest, row.sections, row.changed_at) for row in rows]


def _changed(name: str, before: str, after: str) -> dict[str, bytes]:
    assert before.encode() in ENTRIES[name]
    return {**ENTRIES, name: ENTRIES[name].replace(before.encode(), after.encode())}


def _page(engine: Engine, name: str) -> Page:
    with reading(engine) as opened:
        return opened.scalars(select(Page).where(Page.external_id == name)).one()


# --- What is read ---------------------------------------------------------------------------------------------------------


def test_only_sheets_are_kept_folders_resources_and_guided_searches_are_left(feed: Feed) -> None:
    read = service_public.read(feed(ENTRIES))

    assert len(read.pages) == 12
    assert all(page.external_id.startswith("F") for page in read.pages)
    assert (read.left, read.refused) == (3, {})


def test_a_sheet_keeps_its_title_rubrics_date_address_and_cases(feed: Feed) -> None:
    sheet = {page.external_id: page for page in service_public.read(feed(ENTRIES)).pages}["F11994"]

    assert sheet.title == "Nouveau livret de famille (en cas de perte, vol ou destruction)"
    assert sheet.breadcrumb == "Papiers - Citoyenneté > Livret de famille"
    assert sheet.updated_on == date(2020, 10, 30)
    assert sheet.url == "https://www.service-public.gouv.fr/particuliers/vosdroits/F11994"
    titles = [section.title for section in sheet.sections]
    assert titles[:4] == [
        "",
        "Qui peut faire la demande ?",
        "Comment demander un nouveau livret de famille ? > En France",
        "Comment demander un nouveau livret de famille ? > À l'étranger",
    ]
    assert sheet.sections[0].text.startswith("Si vous avez perdu votre livret de famille original")
    assert "\n- Justificatif de domicile (titre" in sheet.sections[4].text
    assert "À savoir : en cas de vol, la mairie" in sheet.sections[4].text


def test_tables_tabs_and_external_links_are_read(feed: Feed) -> None:
    sheets = {page.external_id: page for page in service_public.read(feed(ENTRIES)).pages}

    assert "Carte grise | Remplacement d'un certificat d'immatriculation perdu" in sheets["F31421"].sections[1].text
    assert [section.title for section in sheets["F21224"].sections] == ["", "Pour un adulte", "Pour un mineur"]
    assert "Liens" in [section.title for section in sheets["F16085"].sections]
    assert sheets["F1731"].url == "https://www.service-public.gouv.fr/professionnels-entreprises/vosdroits/F1731"
    assert sheets["F2046"].url == "https://www.service-public.gouv.fr/particuliers/vosdroits/F2046"


def test_no_markup_and_no_control_character_reaches_the_text(feed: Feed) -> None:
    for page in service_public.read(feed(ENTRIES)).pages:
        for section in page.sections:
            assert section.text.replace("\n", "").isprintable()
            assert "</" not in section.text


# --- What is stored -------------------------------------------------------------------------------------------------------


def test_the_second_reading_changes_nothing(engine: Engine, feed: Feed) -> None:
    first = _fetch(engine, feed(ENTRIES))
    before = _state(engine)
    second = _fetch(engine, feed(ENTRIES), lambda: datetime(2020, 12, 2, tzinfo=UTC))

    assert (len(first.added), first.release) == (12, None)
    assert (second.added, second.changed, second.withdrawn, len(second.unchanged)) == ((), (), (), 12)
    assert _state(engine) == before
    assert _page(engine, "F1360").fetched_at == datetime(2020, 12, 2, tzinfo=UTC)


def test_a_changed_sheet_is_updated_and_a_missing_one_withdrawn(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed(ENTRIES))
    entries = _changed("F11994.xml", "La démarche est gratuite.", "La démarche reste gratuite.")
    del entries["F1887.xml"]
    changes = _fetch(engine, feed(entries), lambda: datetime(2020, 12, 2, tzinfo=UTC))

    assert (changes.changed, changes.withdrawn, len(changes.unchanged)) == (("F11994",), ("F1887",), 10)
    assert "La démarche reste gratuite." in _page(engine, "F11994").sections[0]["text"]
    assert _page(engine, "F1887").status == "withdrawn"
    back = _fetch(engine, feed(ENTRIES))
    assert set(back.changed) == {"F11994", "F1887"}
    assert _page(engine, "F1887").status == "proposed"


def test_a_feed_that_lost_many_sheets_is_refused_unless_it_is_meant(engine: Engine, feed: Feed) -> None:
    many = {f"F{number}.xml": ENTRIES["F1887.xml"].replace(b'ID="F1887"', f'ID="F{number}"'.encode()) for number in range(90_000, 90_040)}
    _fetch(engine, feed({**ENTRIES, **many}))
    before = _state(engine)
    with pytest.raises(SourceRefused, match="40 des 52 fiches"):
        _fetch(engine, feed(ENTRIES))
    assert _state(engine) == before
    assert len(_fetch(engine, feed(ENTRIES), accept_withdrawals=True).withdrawn) == 40


def test_a_sheet_that_cannot_be_quoted_is_told_and_keeps_its_previous_text(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed(ENTRIES))
    before = _state(engine)
    changes = _fetch(engine, feed(_changed("F1887.xml", "modified 20", "modified AA")))

    assert changes.refused == {"F1887": "date absente ou illisible"}
    assert _state(engine) == before


# --- What is refused ------------------------------------------------------------------------------------------------------

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Publication ID="F1887">&b;</Publication>'
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><Publication ID="F1887">&a;</Publication>'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("F1887.xml", BOMB),
        ("F1887.xml", OUTSIDE),
        ("F1887.xml", BOMB.decode().encode("utf-16")),
        ("F1887.xml", b"<?xml version='1.0' encoding='utf-7'?>+ADwAIQ-DOCTYPE x+AD4-<Publication ID='F1887'/>"),
        ("F1887.xml", ENTRIES["F1887.xml"][:-40]),
        ("F1887.xml", b""),
        ("F1887.xml", b"\xff\xfe\x00"),
        ("F1887.xml", b'<Publication ID="F1"/>'),
        ("F1887.xml", b'<Publication ID="F1887">' + b"<a>" * 100 + b"</a>" * 100 + b"</Publication>"),
        ("autre/F1887.xml", ENTRIES["F1887.xml"]),
        ("../F99.xml", b"<Publication/>"),
        ("/etc/F99.xml", b"<Publication/>"),
        ("dossier\\F99.xml", b"<Publication/>"),
        ("vide.bin", bytes(9 * 1024**2)),
        ("zeros.bin", bytes(2 * 1024**2)),
    ],
)
def test_one_dangerous_entry_refuses_the_whole_archive_and_nothing_is_lost(engine: Engine, feed: Feed, name: str, data: bytes) -> None:
    _fetch(engine, feed(ENTRIES))
    before = _state(engine)
    entries = {**_changed("F11994.xml", "gratuite", "payante"), name: data}
    with pytest.raises(SourceRefused):
        _fetch(engine, feed(entries))
    assert _state(engine) == before


def _truncations(data: bytes) -> Iterator[bytes]:
    for share in (0, 1, 30, 50, 90, 99):
        yield data[: len(data) * share // 100]
    yield data[:-1]
    yield data[: len(data) // 2] + bytes(200) + data[len(data) // 2 + 200 :]


def test_a_truncated_or_damaged_archive_is_refused_and_nothing_is_lost(engine: Engine, feed: Feed, tmp_path: Path) -> None:
    whole = feed(ENTRIES).read_bytes()
    _fetch(engine, feed(ENTRIES))
    before = _state(engine)
    for damaged in _truncations(whole):
        (tmp_path / "abime.zip").write_bytes(damaged)
        with pytest.raises(SourceRefused):
            _fetch(engine, tmp_path / "abime.zip")
    assert _state(engine) == before


def test_an_entry_that_inflates_beyond_what_it_announced_is_refused(feed: Feed) -> None:
    """The table of contents says 10 bytes; the entry holds 20 MB."""
    path = feed({**ENTRIES, "F7.xml": bytes(20 * 1024**2)})
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        position = -1
        while (position := data.find(mark, position + 1)) >= 0:
            if data[position + place : position + place + 4] == struct.pack("<I", 20 * 1024**2):
                data[position + place : position + place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    with pytest.raises(SourceRefused, match=r"F7\.xml"):
        service_public.read(path)


def _link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("F1.xml")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def _twice(archive: zipfile.ZipFile) -> None:
    archive.writestr("F1.xml", "a")
    archive.writestr("F1.xml", "b")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (_link, "lien"),
        (_twice, "deux fois"),
        (lambda archive: archive.writestr("F1.xml", b"a" * 99, zipfile.ZIP_LZMA), "ordinaire"),
        (lambda archive: archive.writestr("lisez-moi.txt", "rien"), "aucune fiche"),
        (lambda _: None, "aucune fiche"),
    ],
)
def test_an_archive_that_is_not_a_feed_says_why(tmp_path: Path, fill: Callable[[zipfile.ZipFile], None], said: str) -> None:
    with zipfile.ZipFile(tmp_path / "flux.zip", "w") as archive:
        fill(archive)
    with pytest.raises(SourceRefused, match=said):
        service_public.read(tmp_path / "flux.zip")


# --- Download -------------------------------------------------------------------------------------------------------------


def test_a_feed_is_downloaded_from_an_address(engine: Engine, feed: Feed, tmp_path: Path) -> None:
    with WebServer() as server, server.guard() as guard:
        server.pages["/flux.zip"] = Served(status=302, headers={"Location": "/latest.zip"})
        server.pages["/latest.zip"] = Served(feed(ENTRIES).read_bytes(), headers={"Content-Type": "application/zip"})
        service_public.download(guard, server.url("/flux.zip"), tmp_path / "recu.zip")
        assert len(_fetch(engine, tmp_path / "recu.zip").added) == 12
        with pytest.raises(SourceRefused, match="répond 404"):
            service_public.download(guard, server.url("/absent.zip"), tmp_path / "recu.zip")


def test_the_feed_is_only_asked_by_https_from_a_named_host() -> None:
    with service_public.guard_for("https://flux.exemple.gouv.fr/a.zip") as guard:
        assert guard.rule.hosts >= {"flux.exemple.gouv.fr", "lecomarquage.service-public.fr"}
        assert (guard.rule.scheme, guard.rule.port) == ("https", 443)
    for address in ("https://127.0.0.1/a.zip", "file:///etc/passwd"):
        with pytest.raises(SourceRefused):
            service_public.guard_for(address)


# --- Approval (T22) -------------------------------------------------------------------------------------------------------


def test_a_sheet_is_never_quoted_before_a_person_approves_it(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed(ENTRIES))
    with session(engine) as opened:
        assert approved_sheets(opened) == ()
        done = approve(opened, "Zoé", ids=["F11994", "F1360"], clock=back_then)
        assert done.done == ("F11994", "F1360")
        assert {sheet.id for sheet in approved_sheets(opened)} == {"F11994", "F1360"}
        event = opened.scalars(select(JournalEvent)).one()
        assert (event.kind, event.detail["by"], len(event.detail["pages"])) == ("pages-approved", "Zoé", 2)
        assert opened.scalars(select(Release)).one().id == done.release
        assert approve(opened, "Zoé", ids=["F11994"], clock=back_then).release is None


def test_an_approved_sheet_whose_text_changes_is_no_longer_quoted(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed(ENTRIES))
    with session(engine) as opened:
        first = approve(opened, "Zoé", ids=["F11994", "F1887"], force_old=True, clock=back_then).release
    entries = _changed("F11994.xml", "gratuite", "payante")
    del entries["F1887.xml"]
    changes = _fetch(engine, feed(entries))

    assert changes.release is not None and first is not None and changes.release > first
    with reading(engine) as opened:
        assert approved_sheets(opened) == ()


def test_old_sheets_are_not_approved_as_the_truth_of_today(engine: Engine, feed: Feed, clock: Clock) -> None:
    _fetch(engine, feed(ENTRIES), clock)
    with session(engine) as opened:
        refused = approve(opened, "Zoé", origin="service-public", clock=clock)
        assert (refused.done, len(refused.refused), refused.release) == ((), 12, None)
        assert "--force-old" in refused.refused[0][1]
        assert approved_sheets(opened) == ()
        assert len(approve(opened, "Zoé", origin="service-public", force_old=True, clock=clock).done) == 12


def test_an_approval_can_be_taken_back(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed(ENTRIES))
    with session(engine) as opened:
        approve(opened, "Zoé", ids=["F11994"], clock=back_then)
        assert suspend(opened, "Zoé", origin="service-public", clock=back_then).done == ("F11994",)
        assert approved_sheets(opened) == ()
        assert [event.kind for event in opened.scalars(select(JournalEvent))] == ["pages-approved", "pages-suspended"]


def test_an_order_names_its_author_and_pages_that_exist(engine: Engine, feed: Feed) -> None:
    _fetch(engine, feed({name: data for name, data in ENTRIES.items() if name != "F1887.xml"}))
    with session(engine) as opened:
        for by, chosen, said in (
            (" ", {"ids": ["F11994"]}, "signée"),
            ("Zoé", {"ids": ["F11994", "F1887"]}, "inconnue : F1887"),
            ("Zoé", {"origin": "www.ailleurs.fr"}, "Aucune page"),
        ):
            with pytest.raises(SourceRefused, match=said):
                approve(opened, by, **chosen, clock=back_then)


# --- Report ---------------------------------------------------------------------------------------------------------------


def test_a_fiche_is_to_reread_when_its_sheet_changed_after_it_was_checked(
    engine: Engine, feed: Feed, content: Content, clock: Clock
) -> None:
    content.fiche("livret", service_public=["F11994"], checked_on=date(2026, 11, 10))
    content.fiche("carte-abimee", service_public=["F1887", "F99999"], checked_on=date(2026, 11, 20))
    with session(engine) as opened:
        load(opened, content.folder, clock)
    _fetch(engine, feed(ENTRIES), clock)
    with reading(engine) as opened:
        (title, lines), *_ = compose(opened, date(2026, 11, 21)).lists
    assert "à relire" in title
    assert lines == ("carte-abimee — F99999 n'est pas dans le flux national",)
    assert _page(engine, "F11994").service_id == "citoyennete"

    entries = _changed("F11994.xml", "gratuite", "payante")
    del entries["F1887.xml"]
    _fetch(engine, feed(entries), clock)
    with reading(engine) as opened:
        (_, lines), *_ = compose(opened, date(2026, 11, 21)).lists
    assert [line.split(" « ")[0] for line in lines] == [
        "carte-abimee — F1887",
        "carte-abimee — F99999 n'est pas dans le flux national",
        "livret — F11994",
    ]
    assert lines[2].endswith("a changé le 21/11/2026")


# --- The whole feed -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(CORPUS is None, reason="ACCUEIL_CORPUS_FOLDER does not name the folder of vosdroits-part-2020.zip")
def test_the_whole_feed_of_2020_is_read_twice_and_the_second_time_changes_nothing(engine: Engine) -> None:
    path = Path(str(CORPUS)) / "vosdroits-part-2020.zip"
    first = _fetch(engine, path)
    before = _state(engine)
    second = _fetch(engine, path)

    assert (len(first.added), len(first.refused)) == (2926, 0)
    assert (len(second.unchanged), second.added, second.changed, second.withdrawn) == (2926, (), (), ())
    assert _state(engine) == before
    assert all(sections for *_, sections, _ in before)
