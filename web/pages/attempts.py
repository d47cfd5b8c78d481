"""Brakes for guessing: how many look-ups may fail, per client address and per code, before one must wait."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

from models.errors import Code, Refusal

WINDOW_SECONDS = 600.0
PER_ADDRESS = 20
"""Many may share one address; only failures count."""
PER_CODE = 10
REMEMBERED = 20_000


class Attempts:
    """Failures of the last minutes, in memory: each process counts its own. Safe from several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def check(self, address: str, code: str) -> None:
        """Raises :class:`Refusal` (``too_many_requests``) where a limit is reached, whether the code exists or not."""
        with self._lock:
            for key, most in self._keys(address, code):
                if len(self._recent(key)) >= most:
                    raise Refusal(Code.TOO_MANY_REQUESTS, "too many failed look-ups: wait some minutes")

    def failed(self, address: str, code: str) -> None:
        with self._lock:
            now = self._clock()
            for key, _ in self._keys(address, code):
                self._failures.setdefault(key, deque()).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def _keys(self, address: str, code: str) -> tuple[tuple[str, int], tuple[str, int]]:
        return (f"from {_network(address)}", PER_ADDRESS), (f"of {code}", PER_CODE)

    def _recent(self, key: str) -> deque[float]:
        found = self._failures.get(key, deque())
        while found and found[0] <= self._clock() - WINDOW_SECONDS:
            found.popleft()
        return found


def _network(address: str) -> str:
    """One household has one IPv4 address, but 2^64 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
