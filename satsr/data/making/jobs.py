"""Making many files at once: jobs on all cores, and nothing half-made left behind."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from satsr.common.provenance import usable_cores
from satsr.common.workers import process_pool


def map_jobs(function: Any, jobs: list[Any]) -> Iterator[Any]:
    """Run jobs on all cores; results come in the order of the jobs, so that nothing depends on timing."""
    workers = min(usable_cores(), len(jobs))
    if workers < 2:
        yield from map(function, jobs)
        return
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # inherited by the workers; this process has loaded its libraries already
    with process_pool(workers) as pool:
        yield from pool.map(function, jobs)


@contextmanager
def whole_or_nothing(building: Path) -> Iterator[None]:
    """Remove a half-made data set on any failure, and say in one line when the disk is full."""
    try:
        yield
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            text = f"the disk is full at {building.parent}: free some space or make fewer chips; nothing was kept"
            raise OSError(errno.ENOSPC, text) from None
        raise
