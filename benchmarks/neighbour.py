"""What one busy process beside it does to a study of two workers: `python -m benchmarks.neighbour`.

Measured like against like: two trainings of one thread each, as the study runs them, and two plain NumPy processes of
one thread each, both alone and beside one process that never rests. All in one run, in turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

ROUNDS, SECONDS = 3, 12.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WARM_UP_S = 3.0


def work_through(kind: str) -> None:
    """Work for a while and print how many units a second were done; a first while is not counted.

    Args:
        kind: `training`, a step of ESRGAN's, or `numpy`, a matrix product.
    """
    unit = _step() if kind == "training" else _product()
    until = time.perf_counter() + WARM_UP_S
    while time.perf_counter() < until:
        unit()
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        unit()
        done += 1
    print(done / (time.perf_counter() - started))


def _step() -> Callable[[], object]:
    import torch

    from benchmarks.ceiling import step_of
    from satsr.common.paths import project_root
    from satsr.pipeline.params import load_study

    torch.set_num_threads(1)
    return step_of(load_study(project_root()).train["esrgan"]).one_step


def _product() -> Callable[[], object]:
    import numpy as np

    a = np.random.default_rng(0).random((700, 700))
    return lambda: a @ a


def rate(kind: str, busy: bool) -> float:
    """Return the units per second of two processes at once, their sum."""
    environment = {**os.environ, **ONE_THREAD}
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
    try:
        both = [_started(kind, environment) for _ in range(2)]
        return sum(float(process.communicate()[0]) for process in both)
    finally:
        if neighbour:
            neighbour.kill()
            neighbour.wait()


def _started(kind: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.neighbour", kind]
    return subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def report(rounds: int = ROUNDS) -> None:
    """Print how many times slower both become, and the ratio."""
    slower: dict[str, list[float]] = {"training": [], "numpy": []}
    for _ in range(rounds):
        for kind, found in slower.items():
            found.append(rate(kind, busy=False) / rate(kind, busy=True))
    middle = {kind: statistics.median(found) for kind, found in slower.items()}
    print("beside one busy process, two processes of one thread each become slower by")
    for kind, found in slower.items():
        print(f"  {kind:9s} {middle[kind]:.2f} times ({min(found):.2f} to {max(found):.2f})")
    print(f"  ratio {middle['training'] / middle['numpy']:.2f} (wanted at most 1.15)")


if __name__ == "__main__":
    work_through(sys.argv[1]) if sys.argv[1:] else report()
