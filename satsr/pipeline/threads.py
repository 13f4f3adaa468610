"""How many threads a stage computes with."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

THREADS = "SATSR_THREADS"
READ_BY_LIBRARIES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def limit_threads(environment: MutableMapping[str, str]) -> None:
    """Give what is started with this environment one thread, or `$SATSR_THREADS`, whatever else is set.

    Sums are split between threads, so results would move with their number, by rounding. Several stages of one thread
    each also do more than one stage of several, whose threads wait for each other.
    """
    count = os.environ.get(THREADS, "1")
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"{THREADS} = {count!r}, expected a whole number from 1: how many threads a stage has")
    environment.update(dict.fromkeys(READ_BY_LIBRARIES, count))
