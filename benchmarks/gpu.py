"""`python -m benchmarks.gpu`: what a GPU's training reaches, in under two minutes on an H100.

Without a GPU the same lines come from tiny sizes: they show that it runs, not how fast.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import ceiling
from benchmarks.reading import DATES, RGB, write_chips
from benchmarks.training import prepared
from satsr.common.paths import project_root
from satsr.common.provenance import gpu, processor
from satsr.data.pairs import Pairs
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.settings import PairSettings
from satsr.pipeline.params import load_study
from satsr.training.loop import Loop
from satsr.training.settings import TrainSettings

REGRESSIONS = ("srcnn", "highresnet")
WANTED = 0.9  # of the rate with the batch kept on the device


class Sizes(NamedTuple):
    """How much is measured.

    Attributes:
        network: of SRCNN and HighResNet.
        batch: samples in a step.
        crop: side of a sample in LR px; 0 takes whole chips.
        warm_up: steps before the clock starts.
        steps: of one measurement.
        rounds: measurements of each.
        ceiling_rounds: measurements of ESRGAN's step.
    """

    network: dict[str, bool | int | float | str | tuple[int, ...]]
    batch: int
    crop: int
    warm_up: int
    steps: int
    rounds: int
    ceiling_rounds: int


PUBLISHED = Sizes({"hidden_channels": 128, "sr_kernel_size": 1}, 32, 0, 10, 50, 3, 5)
DRY = Sizes({"hidden_channels": 16}, 2, 16, 1, 2, 1, 1)


class Unheld(Pairs):
    """Pairs as if they fitted nowhere: read from their files ahead of time, batch by batch."""

    def hold(self, device: torch.device) -> bool:
        """Hold nothing."""
        return False


def report(sizes: Sizes | None = None) -> None:
    """Print the rows: reading against a batch kept on the device, then ESRGAN's step against its convolutions."""
    sizes = sizes or (PUBLISHED if torch.cuda.is_available() else DRY)
    with tempfile.TemporaryDirectory() as made:
        write_chips(Path(made) / "val_set")
        for method in REGRESSIONS:
            print(compare(method, sizes, Path(made)))
    ceiling.report(sizes.ceiling_rounds, 1 if sizes is DRY else ceiling.REPEATS)


def compare(method: str, sizes: Sizes, folder: Path) -> str:
    """Time trainings on real files, held and read ahead, and on one batch that stays; return a few lines."""
    settings = load_study(project_root()).train[method]
    changes = {"network": {**settings.network, **sizes.network}, "batch": sizes.batch, "crop": sizes.crop}
    settings = settings.model_copy(update={**changes, "steps": 10_000_000, "start_at_mean": False})
    given = PairSettings(dates=DATES)
    runs = {
        "batch kept on the device": training(method, settings, None),
        "end to end, set held there": training(method, settings, Pairs(S2NAIP(folder, "val"), given)),
        "end to end, read ahead": training(method, settings, Unheld(S2NAIP(folder, "val"), given, keep=False)),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        seconds(run, sizes.warm_up)
    for _ in range(sizes.rounds):
        for name, run in runs.items():
            times[name].append(seconds(run, sizes.steps))
    kept = times["batch kept on the device"]
    lines = [f"training of {method} {dict(settings.network)}, batch {sizes.batch}"]
    for name, took in times.items():
        share = statistics.median(a / b for a, b in zip(kept, took, strict=True))
        rate = sizes.steps * sizes.batch / statistics.median(took)
        lines.append(f"  {name:26s} {rate:8.1f} samples/s   {share:.2f} of the batch kept (wanted {WANTED})")
    return "\n".join(lines)


def training(method: str, settings: TrainSettings, pairs: Pairs | None) -> Callable[[int], None]:
    """Return a function that does some steps of a training, to their end on a GPU."""
    run: Loop = prepared(method, settings, DATES, tuned=True, pairs=pairs)

    def steps(count: int) -> None:
        for _ in range(count):
            run.one_step()
            run.step += 1
        run.record.read()

    return steps


def seconds(run: Callable[[int], None], steps: int) -> float:
    """Return how long some steps take."""
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(f"{processor()}; GPU {gpu()}; torch {torch.__version__}; {len(RGB)} bands, {DATES} dates")
    begun = time.perf_counter()
    report()
    print(f"in {time.perf_counter() - begun:.0f} s")
