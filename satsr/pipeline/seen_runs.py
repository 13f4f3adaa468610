"""How far results move when only the processor changes: main tables that were made on several of them.

Every processor adds numbers in another order or in another precision, and a training amplifies that. How far is not
guessed but seen: `seen_runs.csv` holds main tables of one study made on different processors, a line per cell. Runs of
one series have data, settings and code in common, as far as their cells go, so they differ by the processor alone. The
head of the file says what is known of each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from satsr.common.device import best_precision
from satsr.common.provenance import processor
from satsr.common.writing import write_whole
from satsr.models.superresolver import find_method

SEEN_RUNS = Path(__file__).with_name("seen_runs.csv")
CELL, VALUES = ["method", "metric", "protocol"], ["mean", "low", "high"]
COLUMNS = ["run", "series", "processor", "commit", *CELL, *VALUES]
UNKNOWN = "unknown"  # a processor that nobody noted; its runs show a spread, but no kind of processor

DIGITS = 6  # significant ones in a written table
FACTOR = 1.5  # times the largest spread seen: a few runs do not show the farthest that a result can move
ENOUGH_KINDS, WIDENED = 3, 2.0  # with fewer kinds of processors the allowance is widened


@dataclass(frozen=True)
class SeenRuns:
    """Main tables of several processors.

    Attributes:
        table: one row per run and cell, with `COLUMNS`.
    """

    table: pd.DataFrame

    @classmethod
    def load(cls, path: Path = SEEN_RUNS) -> SeenRuns:
        """Read a file of runs; lines that start with # are for people."""
        return cls(pd.read_csv(path, comment="#"))

    @property
    def kinds(self) -> list[str]:
        """Names of the known processors."""
        return sorted(set(self.table.processor) - {UNKNOWN})

    @property
    def factor(self) -> float:
        """How many times the largest spread a result may move."""
        return FACTOR * (1 if len(self.kinds) >= ENOUGH_KINDS else WIDENED)

    @cached_property
    def spread(self) -> pd.DataFrame:
        """The largest difference between two processors' runs of one series.

        Returns:
            `VALUES` by whether the method learns, metric and protocol. Where nothing is learned, scores without a
            network do not move; where a study trained the network that scores, they do.
        """
        cells = self.table.groupby(["series", *CELL])
        moved = (cells[VALUES].max() - cells[VALUES].min())[cells.processor.nunique() > 1].reset_index()
        learns = moved.method.map(lambda name: find_method(name).learns).rename("learns")
        return moved.groupby([learns, "metric", "protocol"])[VALUES].max()

    def allowed(self, method: str, metric: str, protocol: str) -> dict[str, float] | None:
        """Return how far a cell may move on another processor, by `VALUES`; None when two have not been seen."""
        spread = self.spread.to_dict("index").get((find_method(method).learns, metric, protocol))
        return None if spread is None else {str(value): self.factor * moved for value, moved in spread.items()}

    def runs_of(self, main: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the runs that gave this main table, to the last written digit or the one beside it."""
        return self.table.groupby("run").filter(lambda run: _equal(run, main))

    def processors_of(self, main: pd.DataFrame) -> set[str]:
        """Return the known processors that gave this main table."""
        return set(self.runs_of(main).processor) - {UNKNOWN}

    def rows(self, run: str, committed: Path, fresh: Path, made_on: str, commit: str) -> pd.DataFrame:
        """Return a main table as rows of one more run.

        Args:
            run: a new name.
            committed: a main table of the same code; when it is one of the runs, the new one continues its series, and
                else opens one. So where code moved the results, give the new table twice.
            fresh: the main table to add.
            made_on: the processor that gave it.
            commit: of the code.

        Raises:
            ValueError: the name is taken, or the processor of the committed table gave other numbers this time, so that
                something else than the processor moved them.
        """
        if run in set(self.table.run):
            raise ValueError(f"run {run!r} is in the file of seen runs: choose another name")
        main, known = pd.read_csv(fresh), self.runs_of(pd.read_csv(committed))
        if made_on in set(known.processor) and not _equal(known, main):
            raise ValueError(f"{made_on} gave other numbers before: code moved them, so give the new table twice")
        series = commit if known.empty else known.series.iloc[0]
        return main.assign(run=run, series=series, processor=made_on, commit=commit)[COLUMNS]


def add_rows(rows: pd.DataFrame, path: Path = SEEN_RUNS) -> None:
    """Add rows of a run to a file of runs, which is written whole."""
    write_whole(path, path.read_text() + rows.to_csv(header=False, index=False, float_format=f"%.{DIGITS}g"))


def rounding(value: float) -> float:
    """Return what one unit in the last written digit is worth, and half as much for binary fractions."""
    return 1.5 * 10.0 ** (np.floor(np.log10(abs(value))) - DIGITS + 1) if value else 0.0


def this_processor() -> str:
    """Return what tells processors apart whose results differ.

    That is name, cores, family and model, instruction set, and what matrix products run in.
    """
    import torch

    return ", ".join((processor(), *_model(), torch.backends.cpu.get_cpu_capability(), best_precision()))


def _model(info: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Return family and model, which a virtual machine shows when it hides the name; nothing without Linux."""
    lines = info.read_text().splitlines() if info.is_file() else []
    facts = {key.strip(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}
    return [f"{name} {facts[key]}" for name, key in (("family", "cpu family"), ("model", "model")) if key in facts]


def _equal(run: pd.DataFrame, main: pd.DataFrame) -> bool:
    """Whether a run has every cell of a main table, with values that rounding explains."""
    values = run.drop_duplicates(CELL).set_index(CELL)[VALUES].reindex(pd.MultiIndex.from_frame(main[CELL])).to_numpy()
    wanted = main[VALUES].to_numpy(float)
    return bool((np.abs(values - wanted) <= np.vectorize(rounding, otypes=[float])(wanted)).all())
