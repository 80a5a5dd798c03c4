"""Puts an approved version on the line: tried, switched in one move, read back, heard; or the previous one keeps its place.

    approved → built → tried on a candidate → switched → read back → live → heard → proven
                                                                        ↘ rolled back, with the reason

Every step is noted in the database before the next one, and every step can be done again: a publisher that is killed anywhere leaves a
whole version in service, and the next one goes on from there.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine

from knowledge import indexing
from knowledge.clock import Clock, now, today
from knowledge.database import reading, session
from knowledge.errors import KnowledgeError, VersionSettled
from knowledge.line_models import ScriptVersion
from knowledge.scripts import versions
from knowledge.scripts.versions import State
from telephony.asterisk.ami import Asterisk
from telephony.errors import AmiUnavailable, PublicationRefused, TelephonyError
from telephony.publication.building import Builder, Built
from telephony.publication.candidate import Candidate, read_back
from telephony.publication.folder import LineFolder, Written
from telephony.publication.proof import SelfCall, prove
from telephony.speech.voices import Rate

log = logging.getLogger("telephony")
_CONTEXT = re.compile(r"a(\d+)_")
"""Where a call is, in a version of the script."""

RENEWED = timedelta(days=365)
"""Age at which a version in service is compiled again, for its holidays."""
RENEWAL_TRIES = 10
"""How often a renewed version is listened to, more and more slowly, before a person is needed: about five minutes."""


@dataclass(frozen=True)
class Published:
    """What became of a version."""

    number: int
    state: State
    reason: str = ""
    """In French, when it is not in service."""
    seconds: float = 0.0
    """From the start of the work to live."""


class Publisher:
    """One for a line: it alone writes the folder. One thread may publish while another proves: an approval never waits for a proof."""

    def __init__(
        self,
        engine: Engine,
        folder: LineFolder,
        builder: Builder,
        door: Asterisk,
        candidate: Candidate,
        self_call: SelfCall,
        clock: Clock = now,
    ) -> None:
        self.engine, self.folder, self.builder = engine, folder, builder
        self.door, self.candidate, self.self_call, self.clock = door, candidate, self_call, clock
        self._current: tuple[int, int, date] | None = None
        """Version, release and day for which the line is known to say what is true."""
        self._unheard = 0
        """How often, in a row, what the line says since it was renewed was not heard."""
        self._writing = threading.Lock()
        """Held while the folder and Asterisk are made to change."""

    def step(self) -> Published | None:
        """`publish`, or else `prove`: for a program with one thread."""
        return self.publish() or self.prove()

    def publish(self) -> Published | None:
        """Put live what is due; None when nothing is.

        Raises:
            AmiUnavailable: Asterisk does not answer: the version waits, callers hear the one in service.
        """
        with self._writing:
            with reading(self.engine) as opened:
                version = versions.due(opened, self.clock())
            return self._publish(version) if version is not None else None

    def prove(self) -> Published | None:
        """Hear what is live and not proven yet, or make it say what is true today; None when there was nothing to do.

        Raises:
            AmiUnavailable: Asterisk does not answer.
            PublicationRefused: a version in service could not be renewed, or was renewed and then not heard.
        """
        with reading(self.engine) as opened:
            live = versions.live(opened)
            if live is None:
                return None
            waiting = versions.unproven(opened)
            unproven = waiting is not None and waiting.number == live.number
            known = (live.number, indexing.latest_release(opened), today(self.clock))
            if not unproven and known == self._current:
                return None
            built = self._build(live, opened)
        if unproven:
            return self._prove(live, built)
        renewed = self._renewed(live, built)
        self._current = known
        return renewed

    def _renewed(self, live: ScriptVersion, built: Built) -> Published | None:
        """Make the version in service say what is true today: a fact, a fiche or an hour has changed under it.

        Its nodes are the same, line for line: calls in progress go on, and the next sentence they hear is the new one.
        """
        with self._writing:
            laid = self.folder.live()
            if laid is None or laid.number != live.number:
                return None
            if self._says_the_same(laid, built):
                return self._renewal_heard(live, built) if self._unheard else None
            self.candidate.try_out(built.dialplan, built.queues)
            self._switch(self.folder.write(built.dialplan, built.queues, _noted(built)))
            try:
                read_back(self.door, built.dialplan)
            except PublicationRefused:
                self._back_to(laid)
                raise
            self._unheard = 0
        log.info("version %s renewed: what it quotes had changed", live.number)
        return self._renewal_heard(live, built)

    def _renewal_heard(self, live: ScriptVersion, built: Built) -> Published | None:
        """Not heard: told, and tried again a few times; but yesterday's amount is not said again.

        Raises:
            PublicationRefused: it was not heard this time either.
        """
        try:
            certificate = self._heard(live, built)
        except PublicationRefused as refused:
            self._unheard += 1
            if self._unheard < RENEWAL_TRIES:
                raise
            self._unheard = 0
            raise PublicationRefused(f"{refused} Essayé {RENEWAL_TRIES} fois : appelez la ligne, puis publiez de nouveau.") from refused
        self._unheard = 0
        return self._proven(live, certificate)

    def _says_the_same(self, laid: Written, built: Built) -> bool:
        """Whether only the list of closed days differs, and still reaches far enough."""
        day = date.fromisoformat(str(self.folder.manifest(laid)["day"]))
        fresh = built.told.day - day < RENEWED
        return fresh and _without_days(self.folder.dialplan(laid)) == _without_days(built.dialplan.text)

    def restore(self) -> None:
        """At the start: put back in the folder the version that the database says is in service, and make Asterisk read it.

        Raises:
            AmiUnavailable: Asterisk does not answer.
        """
        with self._writing:
            with reading(self.engine) as opened:
                live = versions.live(opened)
                pending = versions.due(opened, self.clock())
                if live is None or pending is not None:
                    return
                built = self._build(live, opened)
            laid = self.folder.live()
            if laid is None or laid.number != live.number:
                self._switch(self.folder.write(built.dialplan, built.queues, _noted(built)))

    # --- Publication -----------------------------------------------------------------------------------------------------

    def _publish(self, version: ScriptVersion) -> Published | None:
        started = time.monotonic()
        try:
            self._note(version, State.PUBLISHING)
        except VersionSettled:  # withdrawn a moment ago
            return None
        before = self.folder.live()
        try:
            with reading(self.engine) as opened:
                built = self._build(version, opened)
            self.candidate.try_out(built.dialplan, built.queues)
            written = self.folder.write(built.dialplan, built.queues, _noted(built))
        except AmiUnavailable as absent:  # that of the candidate: another one will be started
            raise AmiUnavailable(f"L'Asterisk d'essai ne répond pas : {absent}") from absent
        except (TelephonyError, KnowledgeError) as refused:
            return self._failed(version, str(refused))
        self.door.ping()  # nothing is switched while Asterisk does not answer
        self._switch(written)
        try:
            read_back(self.door, built.dialplan)
        except PublicationRefused as refused:
            self._back_to(before)
            return self._failed(version, str(refused))
        seconds = time.monotonic() - started
        previous = before.name if before and before != written else ""
        self._note(version, State.LIVE, {"seconds": round(seconds, 2), "digest": built.dialplan.digest, "previous": previous})
        self.folder.keep({*self._draining(), *({before.number} if before else ())})
        log.info("version %s live in %.2f s", version.number, seconds)
        return Published(version.number, State.LIVE, seconds=seconds)

    def _build(self, version: ScriptVersion, opened: Any) -> Built:
        return self.builder.build(self.builder.told(opened, version, today(self.clock)), version.number)

    def _switch(self, written: Written) -> None:
        draining = self._draining()
        self.folder.switch(written, [other for other in self.folder.versions() if other.number in draining])
        self.door.reload_queues()
        self.door.reload_dialplan()

    def _back_to(self, before: Written | None) -> None:
        if before is None:
            self.folder.clear()
            self.door.reload_dialplan()
        else:
            self._switch(before)

    def _draining(self) -> set[int]:
        """The versions on which calls are running, whatever their age, and the one in service, on which one may begin now (T03)."""
        running = (_CONTEXT.match(channel.context) for channel in self.door.channels())
        live = self.folder.live()
        return {int(found[1]) for found in running if found} | ({live.number} if live else set())

    # --- Proof -----------------------------------------------------------------------------------------------------------

    def _prove(self, version: ScriptVersion, built: Built) -> Published | None:
        try:
            certificate = self._heard(version, built)
        except PublicationRefused as refused:
            return self._rolled_back(version, str(refused))
        return self._proven(version, certificate)

    def _proven(self, version: ScriptVersion, certificate: dict[str, Any]) -> Published | None:
        try:
            self._note(version, State.PROVEN, certificate)
        except VersionSettled:  # another version took its place while it was heard
            return None
        log.info("version %s proven: %s sentence(s) heard", version.number, len(certificate["sentences"]))
        return Published(version.number, State.PROVEN)

    def _heard(self, version: ScriptVersion, built: Built) -> dict[str, Any]:
        """The certificate of a version that was heard. Raises PublicationRefused."""
        started = self.clock()
        script = built.told.script
        known = {built.sounds[prompt]: prompt for prompt in built.sounds}
        greeting = [
            sound
            for sentence in built.told.said(script.start, script.languages[0])
            for sound, prompt in known.items()
            if (prompt.text, prompt.language, prompt.rate) == (sentence.text, sentence.language, Rate.NORMAL)
        ]
        changed = set(built.dialplan.sounds) - self._already_heard()
        texts = {sound: prompt.text for sound, prompt in known.items()}
        heard = prove(self.self_call, self.builder.prompts, greeting, changed, texts)
        return {
            "version": version.number,
            "digest": built.dialplan.digest,
            "lines": len(built.dialplan.lines) + 1,
            "seconds": round((self.clock() - started).total_seconds(), 1),
            "sounds": list(built.dialplan.sounds),
            "recordings": [str(remark) for remark in built.remarks],
            **heard,
        }

    def _already_heard(self) -> set[str]:
        """Sounds of the last certificate: they were heard, and sound files never change."""
        with reading(self.engine) as opened:
            certificates = [told.certificate for told in versions.history(opened) if told.certificate]
        return set(certificates[0]["sounds"]) if certificates else set()

    def _rolled_back(self, version: ScriptVersion, reason: str) -> Published | None:
        with self._writing:
            with reading(self.engine) as opened:
                told = versions.story(opened, version.number)
            event = told.last(State.LIVE)
            if told.state is not State.LIVE or event is None:  # another version took its place while it was heard
                return None
            previous = event.detail.get("previous")
            self._back_to(next((written for written in self.folder.versions() if written.name == previous), None))
            self._note(version, State.ROLLED_BACK, {"reason": reason})
        log.warning("version %s rolled back: %s", version.number, reason)
        return Published(version.number, State.ROLLED_BACK, reason)

    # --- Journal ---------------------------------------------------------------------------------------------------------

    def _failed(self, version: ScriptVersion, reason: str) -> Published:
        self._note(version, State.FAILED, {"reason": reason})
        log.warning("version %s failed: %s", version.number, reason)
        return Published(version.number, State.FAILED, reason)

    def _note(self, version: ScriptVersion, kind: State, detail: dict[str, Any] | None = None) -> None:
        with session(self.engine) as opened:
            versions.note(opened, version.number, kind, detail, self.clock)


def _noted(built: Built) -> dict[str, object]:
    return {"fiches": dict(built.told.fiches), "day": str(built.told.day)}


def _without_days(text: str) -> str:
    """A dialplan without what changes with the day alone: the list of closed days, and the digest of all."""
    return re.sub(r"\[a\d+_(?:days|end)\]\n(?:exten = .*\n)*", "", text)
