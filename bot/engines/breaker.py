"""A circuit breaker: what fails again and again is left alone for a while, then tried by one question only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed: all may pass. Open: nobody, for `pause` seconds. Then half open: one probe passes, whose outcome decides."""

    def __init__(self, failures: int = 3, pause: float = 10.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            failures: failures in a row that open it.
            pause: seconds during which nobody tries.
        """
        self._most = failures
        self._pause = pause
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._until: float | None = None

    @property
    def open(self) -> bool:
        return self._until is not None

    def allows(self) -> bool:
        """Whether this caller may try; when it is half open, only the first who asks may, until `pause` has passed again."""
        with self._lock:
            if self._until is None:
                return True
            now = self._monotonic()
            if now < self._until:
                return False
            self._until = now + self._pause
            return True

    def succeeded(self) -> bool:
        """Close it; whether it was open."""
        with self._lock:
            was_open = self._until is not None
            self._failures, self._until = 0, None
            return was_open

    def failed(self) -> bool:
        """Count a failure; whether this one opens it."""
        with self._lock:
            self._failures += 1
            was_closed = self._until is None
            if self._failures >= self._most:
                self._until = self._monotonic() + self._pause
            return was_closed and self._until is not None
