"""Who speaks: finds the beginning and the end of speech in the levels of 20 ms frames, whatever the noise of the line. Pure.

The floor is what the quietest tenth of the last second reaches: steady noise, however loud, becomes the floor; speech always breathes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum

FRAME_SECONDS = 0.02
QUIETEST = 60.0
"""Level (root mean square of 16-bit samples) under which the line itself hisses: never speech on its own."""
ABOVE_FLOOR = 2.5
"""Speech is about 8 dB above the noise, or more."""
FLOOR_FRAMES = 50
BEGINS_FRAMES = 10
"""Speech shorter than 200 ms is a noise."""
ENDS_FRAMES = 24
"""480 ms of silence end a question."""
LONGEST_FRAMES = 1000
"""20 s."""
BARGE_IN_FRAMES = 15
"""The voice of a caller stops ours after 300 ms."""
ABOVE_ECHO = 2.0
FIRST_ECHO = 0.1
"""Echo supposed before any was heard: −20 dB."""
FORGOTTEN_ECHO = 0.8
"""What is left of a supposed echo after half a second without it: we may only have paused."""
ECHO_FRAMES = 25
"""What comes back during the first half-second of what we say teaches the echo of this line; each later half-second corrects it."""
FIRST_FRAMES = 25
"""Before the floor is known, the line is supposed silent: a caller may speak at once."""
NOISE_FRAMES = 75
"""A second and a half of loud and steady sound: nobody could be heard through it."""
NOISE_LEVEL = 700.0
"""About −33 dB below full scale: as loud as a caller."""
STEADY = 2.0
"""Between the loud and the quiet moments of speech there is far more than 6 dB."""


class Sign(Enum):
    BEGAN = "began"
    ENDED = "ended"
    FALSE = "false"
    """What had begun was only noise: it is forgotten."""
    NOISE = "noise"
    """So loud that nobody could be heard."""
    BARGED_IN = "barged in"


class Activity:
    """Follows the levels of one caller, frame by frame."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=FLOOR_FRAMES)
        self._latest: deque[float] = deque(maxlen=NOISE_FRAMES)
        self._spoken: list[float] = []
        """Levels of what was loud since speech began."""
        self._voiced = 0
        self._quiet = 0
        self._length = 0
        self._over = 0
        self._echo = FIRST_ECHO
        self._returned = 0.0
        self._played = 0
        self.speech = False
        """Whether the caller is speaking."""

    @property
    def floor(self) -> float:
        """Level of the noise of the line."""
        return max(QUIETEST, _share(self._recent, 0.1)) if len(self._recent) >= FIRST_FRAMES else QUIETEST

    def restart(self) -> None:
        """Wait for the beginning of another speech; the noise and the echo of the line are remembered."""
        self.speech = False
        self._voiced = self._quiet = self._length = self._over = 0
        self._spoken.clear()

    def listen(self, level: float) -> Sign | None:
        """One frame while we are silent."""
        loud = level > self.floor * ABOVE_FLOOR
        self._recent.append(level)
        self._latest.append(level)
        self._played = 0
        if level > NOISE_LEVEL and len(self._latest) == NOISE_FRAMES and _is_noise(self._latest):
            self.restart()
            self._latest.clear()
            return Sign.NOISE
        if self.speech:
            return self._goes_on(level, loud)
        self._voiced = self._voiced + 1 if loud else max(0, self._voiced - 2)
        if self._voiced < BEGINS_FRAMES:
            return None
        self.speech = True
        self._length = self._voiced
        return Sign.BEGAN

    def _goes_on(self, level: float, loud: bool) -> Sign | None:
        self._length += 1
        self._quiet = 0 if loud else self._quiet + 1
        if loud:
            self._spoken.append(level)
        if self._quiet < ENDS_FRAMES and self._length < LONGEST_FRAMES:
            return None
        steady = _is_steady(self._spoken)
        self.restart()
        return Sign.FALSE if steady else Sign.ENDED

    def overhear(self, level: float, sent: float) -> Sign | None:
        """One frame while we speak; `sent` is the highest level said in the last half-second, that an echo may bring back."""
        self._played += 1
        floor = self.floor
        self._recent.append(min(level, floor * ABOVE_FLOOR))
        self._learn_echo(level - floor, sent)
        if self._played <= ECHO_FRAMES:
            return None
        if level > max(floor * ABOVE_FLOOR, self._echo * sent * ABOVE_ECHO):
            self._over += 2  # a voice falls between its syllables
        else:
            self._over = max(0, self._over - 1)
        if self._over < 2 * BARGE_IN_FRAMES:
            return None
        self.restart()
        self.speech = True
        self._length = BARGE_IN_FRAMES
        return Sign.BARGED_IN

    def _learn_echo(self, returned: float, sent: float) -> None:
        """The echo is about the least of what half-seconds brought back: a caller who speaks adds to it, but not all the time."""
        if self._played == 1:
            self._echo, self._returned = 1.0, FIRST_ECHO
        if sent > NOISE_LEVEL:
            self._returned = max(self._returned, returned / sent)
        if self._played == ECHO_FRAMES:
            self._echo = min(1.0, self._returned)
        elif self._played % ECHO_FRAMES == 0:
            self._echo = min(self._echo, max(self._returned, self._echo * FORGOTTEN_ECHO))
        if self._played % ECHO_FRAMES == 0:
            self._returned = FIRST_ECHO


def _is_noise(levels: Iterable[float]) -> bool:
    """Whether these frames are loud and all alike: a motor, a fault of the line; nobody's words."""
    return _share(levels, 0.1) > NOISE_LEVEL and _is_steady(levels)


def _is_steady(levels: Iterable[float]) -> bool:
    return _share(levels, 0.9) < _share(levels, 0.1) * STEADY


def _share(levels: Iterable[float], share: float) -> float:
    """The level that this share of `levels` does not reach; 0 when there is none."""
    ranked = sorted(levels)
    return ranked[int(len(ranked) * share)] if ranked else 0.0
