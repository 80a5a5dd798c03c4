"""The spoken questions of one process: which script they belong to, and what is remembered of a caller from one turn to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from knowledge.scripts.model import Question as QuestionNode
from knowledge.scripts.model import Script, service_symbol
from telephony.questions.audiosocket import Leg, Place
from telephony.questions.conversation import Talk, fixed
from telephony.questions.listening import Ears
from telephony.questions.sayings import Sayings
from telephony.questions.turn import Converse, Means, Memory, Put, Turn
from telephony.questions.turn import Patience as Patience  # whoever opens the voice says how patient it is
from telephony.questions.whisper import Tell

REMEMBERED_SECONDS = 600.0
REMEMBERED_TALKS = 2000
WORKERS = 4

Scripts = Callable[[int], Script]
"""The script of a version. Raises LookupError: there is no such version."""


class Voice:
    """Leads the spoken turns: `answer` is given to an `AudioServer`, and everything runs in its event loop."""

    def __init__(
        self,
        converse: Converse,
        ears: Ears | None,
        sayings: Sayings,
        scripts: Scripts,
        put: Put,
        patience: Patience | None = None,
        tell: Tell | None = None,
    ) -> None:
        pool, telling = ThreadPoolExecutor(WORKERS, "spoken-question"), ThreadPoolExecutor(WORKERS, "whisper")
        self._means = Means(converse, ears, sayings, put, tell, telling, pool, patience or Patience())
        self._scripts = scripts
        self._memories: dict[str, Memory] = {}
        self._turns: set[Turn] = set()

    def answer(self, leg: Leg, place: Place) -> Turn:
        """Begin a turn. Raises LookupError: no question of a script is at this place."""
        script = self._scripts(place.version)
        node = script.nodes[script.node_at(place.node)]
        if not isinstance(node, QuestionNode):
            raise LookupError(f"no question at {place.node} of version {place.version}")
        memory = self._remembered(place, script.languages[place.language])
        turn = Turn(self._means, leg, place, memory, node.barge_in, _reachable(script))
        self._turns.add(turn)
        turn.task.add_done_callback(lambda _: self._turns.discard(turn))
        return turn

    def prepare(self, script: Script) -> None:
        """Begin to make the fixed sentences in the languages of a script; called in the event loop."""
        self._means.sayings.prepare(fixed(script.languages), slow=False)

    async def close(self) -> None:
        """End every turn."""
        tasks = [turn.task for turn in self._turns]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for pool in (self._means.pool, self._means.telling):
            pool.shutdown(wait=False, cancel_futures=True)
        self._means.sayings.close()

    def _remembered(self, place: Place, language: str) -> Memory:
        now = asyncio.get_running_loop().time()
        for key, old in tuple(self._memories.items()):  # in the order of their last turn
            if len(self._memories) < REMEMBERED_TALKS and old.seen_at > now - REMEMBERED_SECONDS:
                break
            del self._memories[key]
        memory = self._memories.pop(place.talk, None) or Memory(Talk(language, place.slow))
        memory.seen_at = now
        memory.turns += 1
        self._memories[place.talk] = memory
        return memory


def _reachable(script: Script) -> frozenset[str]:
    """The symbols of the services that the script can put a caller through to: the only ones that its dialplan accepts."""
    return frozenset(map(service_symbol, script.desks))
