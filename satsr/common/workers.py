"""Worker processes that never outlive the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def process_pool(
    workers: int, initializer: Callable[..., object] | None = None, initargs: Sequence[Any] = ()
) -> ProcessPoolExecutor:
    """Return a pool of fresh processes (spawn: a process with threads is not to be forked).

    A worker whose parent is killed ends too. By itself it would wait for work forever, since it holds both ends of the
    queue that it waits on.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _begin, (initializer, tuple(initargs)))


def _begin(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
