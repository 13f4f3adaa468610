"""Work done ahead of time, in a thread beside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """What a function of whole numbers returns, called for the next numbers while the caller works on one.

    The thread ends with the object.

    Args:
        make: the function; called in one thread, in the order of the numbers.
        count: how many are made ahead.
        end: the first number that is never asked for.
    """

    def __init__(self, make: Callable[[int], Made], count: int, end: int) -> None:
        self._make, self._count, self._end = make, count, end
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._waiting: dict[int, Future[Made]] = {}

    def __call__(self, number: int) -> Made:
        """Return what belongs to a number, or raise what the function raised."""
        for one in range(number, min(number + self._count + 1, self._end)):
            if one not in self._waiting:
                self._waiting[one] = self._pool.submit(self._make, one)
        return self._waiting.pop(number).result()
