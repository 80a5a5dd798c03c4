"""How fast one address may write: a token bucket for each, in memory (T25)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

MOST_ADDRESSES = 50_000
"""Addresses remembered; the one seen longest ago is forgotten first, so memory is bounded whatever happens."""


class Rates:
    """Gives each address `burst` messages at once, then `per_minute` of them."""

    def __init__(self, per_minute: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Take one message for `address`: 0 when it may pass, else the seconds to wait."""
        if not self._per_second:
            return 0
        now = self._monotonic()
        left, since = self._buckets.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_second
        self._buckets[address] = (left - 1 if not wait else left, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return wait


class Addresses:
    """Finds the address of the visitor. `X-Forwarded-For` counts only when one of our own proxies wrote it."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        """
        Raises:
            ValueError: a proxy is neither an address nor a network.
        """
        self._proxies = tuple(ip_network(written, strict=False) for written in trusted_proxies)

    def visitor(self, peer: str | None, forwarded: str) -> str:
        """The address to count for: the last one in the chain that is not ours; a whole /64 for IPv6."""
        chain = [part.strip() for part in forwarded.split(",")] if forwarded else []
        current = _parse(peer or "")
        while chain and current is not None and any(current in network for network in self._proxies):
            following = _parse(chain.pop())
            if following is None:
                break
            current = following
        if current is None:
            return "unknown"
        if isinstance(current, IPv6Address):
            return str(ip_network((current, 64), strict=False).network_address)
        return str(current)


def _parse(written: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(written)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
