"""A version of the script, made ready for Asterisk: its sentences as they are today, their sound files, its dialplan and its queues."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from sqlalchemy.orm import Session

from knowledge import directory, facts, indexing
from knowledge.errors import Remark
from knowledge.fiches import PublishedFiche, published
from knowledge.line_models import ScriptVersion
from knowledge.scripts.model import parse
from knowledge.scripts.outdated import without_outdated
from knowledge.scripts.telling import Sentence, Told, fixed_sentences, tell
from telephony.dialplan import Dialplan, compiled
from telephony.dialplan.announcement import unannounced
from telephony.dialplan.queues import ANNOUNCEMENTS, queues
from telephony.errors import ScriptUncompilable
from telephony.publication.folder import LineFolder
from telephony.speech.prompts import Prompt, Prompts, number_prompts
from telephony.speech.voices import Rate

log = logging.getLogger("telephony")


@dataclass(frozen=True)
class Built:
    """A version ready to be put in service."""

    told: Told
    dialplan: Dialplan
    queues: str
    sounds: Mapping[Prompt, str]
    """Sound file by prompt: every sentence at both speeds."""
    remarks: tuple[Remark, ...] = ()
    """Recordings that were not used: refused, or of a sentence that has changed since."""


class Builder:
    """Builds versions with the voices and the folder of this machine. Keeps the fiches of one release in memory."""

    def __init__(self, folder: LineFolder, prompts: Prompts, timezone: str) -> None:
        self.folder, self.prompts, self.timezone = folder, prompts, timezone
        self._fiches: tuple[tuple[int, date], Mapping[str, PublishedFiche]] | None = None

    def told(self, session: Session, version: ScriptVersion, day: date) -> Told:
        """The sentences of `version` as they may be said on `day`: an answer that may not be said any more leads to a person.

        Raises:
            ContentRefused: a service or a wording is missing.
        """
        script = parse(version.text, f"version {version.number}").script
        stock, fiches = facts.Facts(facts.stored(session)), self._published(session, day)
        script, outdated = without_outdated(script, stock, fiches, day)
        if outdated:
            log.warning("version %s: no longer said on %s: %s", version.number, day, ", ".join(outdated))
        return tell(script, directory.stored(session), stock, fiches, day)

    def build(self, told: Told, number: int, step: Callable[[], None] = lambda: None) -> Built:
        """Make the sounds that are missing, then compile. `step` is called once for each sound.

        Raises:
            PromptRefused, SpeechUnavailable: a sentence cannot be said.
            ScriptUncompilable: the script cannot become a dialplan, or a caller could be put through without announcement.
        """
        wanted = {(sentence, rate.value): _prompt(sentence, rate) for sentence in told.sentences() for rate in Rate}
        sounds = self.prompts.ensure(wanted.values(), step)
        dialplan = compiled(told, number, {key: sounds[prompt] for key, prompt in wanted.items()}, self.timezone)
        silent = unannounced(dialplan)
        if silent:
            raise ScriptUncompilable(f"Un transfert sans annonce a été trouvé ({silent[0].context}). Signalez-le : rien n'a été publié.")
        recordings = self.prompts.recordings
        remarks = (*recordings.remarks, *recordings.outdated((sentence.text, sentence.language) for sentence in told.sentences()))
        return Built(told, dialplan, queues(told, self._queue_sounds(told)), sounds, remarks)

    def _published(self, session: Session, day: date) -> Mapping[str, PublishedFiche]:
        key = (indexing.latest_release(session), day)
        if self._fiches is None or self._fiches[0] != key:
            self._fiches = (key, {fiche.id: fiche for fiche in published(session, day)})
        return self._fiches[1]

    def _queue_sounds(self, told: Told) -> dict[str, str]:
        """The sentences of the queues and the numbers, where Asterisk looks for them in the language of the caller.

        A name holds the hash of what it says in every language, so that no old sentence can be said under a new name (T05).
        """
        named = {}
        for sentence in ANNOUNCEMENTS.values():
            prompts = {language: Prompt(fixed_sentences(language)[sentence], language) for language in told.script.languages}
            made = self.prompts.ensure(prompts.values())
            name = sha256("".join(made[prompt] for prompt in prompts.values()).encode()).hexdigest()[:32]
            for language, prompt in prompts.items():
                self._link(language, "queue", name, made[prompt])
            named[sentence] = f"queue/{name}"
        for language in told.script.languages:
            numbers = number_prompts(language)
            made = self.prompts.ensure(numbers)
            for number, prompt in enumerate(numbers):
                self._link(language, "digits", str(number), made[prompt])
        return named

    def _link(self, language: str, family: str, name: str, sound: str) -> None:
        place = self.folder.sounds / language / family / f"{name}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(self.folder.sounds / f"{sound}.wav", place.parent)
        with suppress(FileNotFoundError):
            if str(place.readlink()) == target:
                return
        unfinished = place.with_name(f".{place.name}-{os.getpid()}-{threading.get_ident()}")
        unfinished.unlink(missing_ok=True)
        unfinished.symlink_to(target)
        unfinished.replace(place)


def _prompt(sentence: Sentence, rate: Rate) -> Prompt:
    return Prompt(sentence.text, sentence.language, rate)
