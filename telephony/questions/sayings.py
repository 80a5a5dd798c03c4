"""What is said on a spoken question, as sound: made once, kept in memory within a bound, and begun before it is needed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from telephony.errors import PromptRefused, SpeechUnavailable
from telephony.questions.conversation import Said
from telephony.speech.prompts import Prompt, Prompts
from telephony.speech.sound import Pcm
from telephony.speech.voices import Rate

MEMORY_BYTES = 64_000_000
"""About an hour of sound: every answer given in a day."""
WORKERS = 2
SECONDS = 3.0
"""A sentence that takes longer to be made leaves the caller in silence: he goes back to the menu."""

Make = Callable[[Said, bool], Pcm]
"""The sound of a sentence, slow or not; raises SpeechUnavailable or PromptRefused. Called in a thread."""


def by_prompts(prompts: Prompts) -> Make:
    """Sentences made, and kept on disk, exactly as those of the script are: same voice, same level, same recordings."""

    def make(said: Said, slow: bool) -> Pcm:
        prompt = Prompt(said.text, said.language, Rate.SLOW if slow else Rate.NORMAL)
        return prompts.load(prompts.ensure((prompt,))[prompt])

    return make


class Sayings:
    """The sounds of sentences, for one event loop."""

    def __init__(self, make: Make, memory: int = MEMORY_BYTES) -> None:
        self._make = make
        self._memory = memory
        self._size = 0
        self._kept: OrderedDict[tuple[Said, bool], Pcm] = OrderedDict()
        self._being_made: dict[tuple[Said, bool], asyncio.Future[Pcm]] = {}
        self._pool = ThreadPoolExecutor(WORKERS, "sayings")

    def prepare(self, sentences: Iterable[Said], slow: bool) -> None:
        """Begin to make these sentences, in this order."""
        for said in sentences:
            if (said, slow) not in self._kept:
                self._begin(said, slow)

    async def sound(self, said: Said, slow: bool) -> Pcm:
        """The sound of a sentence.

        Raises:
            SpeechUnavailable: no voice can say it, or not in time.
        """
        kept = self._kept.get((said, slow))
        if kept is not None:
            self._kept.move_to_end((said, slow))
            return kept
        made = self._begin(said, slow)
        done, _ = await asyncio.wait({made}, timeout=SECONDS)
        if not done:
            raise SpeechUnavailable(f"La voix n'a pas fini une phrase en {SECONDS:g} s.")
        try:
            return made.result()
        except PromptRefused as refused:
            raise SpeechUnavailable(str(refused)) from refused

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, said: Said, slow: bool) -> asyncio.Future[Pcm]:
        """The sentence being made; two callers who wait for the same one wait together."""
        key = (said, slow)
        if key not in self._being_made:
            made = asyncio.get_running_loop().run_in_executor(self._pool, self._make, said, slow)
            self._being_made[key] = made
            made.add_done_callback(lambda done: self._keep(key, done))
        return self._being_made[key]

    def _keep(self, key: tuple[Said, bool], made: asyncio.Future[Pcm]) -> None:
        del self._being_made[key]
        if made.cancelled() or made.exception():
            return
        self._kept[key] = made.result()
        self._size += made.result().nbytes
        while self._size > self._memory:
            _, forgotten = self._kept.popitem(last=False)
            self._size -= forgotten.nbytes
