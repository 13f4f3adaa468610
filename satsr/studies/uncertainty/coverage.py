"""Do intervals around outputs cover the ground as often as they say: `satsr.scenes.uncertainty`, fitted and tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.device import all_digits
from satsr.data.climates import climate_of
from satsr.data.pairs import Pairs, spread_evenly
from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.settings import TableSettings
from satsr.models.superresolver import SuperResolver
from satsr.models.views import views
from satsr.scenes.of_pairs import InAgreement
from satsr.scenes.uncertainty import LEVELS, Calibration, calibrate, detail, spread
from satsr.studies.uncertainty.settings import UncertaintySettings

GREYS = 255
BATCH = 8  # chips at a time
AS_IT_IS, ONE_FACTOR, CALIBRATED, CLIMATE_LEFT_OUT = "as it is", "one factor", "calibrated", "climate left out"
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Errors:
    """Pixels of outputs in agreement with their inputs, in shares of white; a row per chip.

    Attributes:
        error: (N, C, H, W), output minus the ground in the satellite's tone.
        spread: of the views, the same shape.
        detail: of the output, the same shape.
        regions: of the chips.
        climates: likewise; empty names where nothing tells them.
    """

    error: Values
    spread: Values
    detail: Values
    regions: tuple[str, ...]
    climates: tuple[str, ...]

    def of(self, chosen: NDArray[np.bool_]) -> Errors:
        """Return some of the chips."""
        names = [tuple(np.array(all_of)[chosen].tolist()) for all_of in (self.regions, self.climates)]
        return Errors(self.error[chosen], self.spread[chosen], self.detail[chosen], *names)

    def calibration(self, samples: int) -> Calibration:
        """Fit intervals to these chips."""
        return calibrate(self.error.ravel(), self.spread.ravel(), self.detail.ravel(), samples)


@dataclass(frozen=True)
class Fitted:
    """What is known from validation chips.

    Attributes:
        calibration: of the intervals.
        factor: root mean square of the errors over that of the spread.
        without: climate -> calibration by the chips of all others; empty where climates are not known.
    """

    calibration: Calibration
    factor: float
    without: Mapping[str, Calibration]

    @classmethod
    def to(cls, val: Errors, samples: int) -> Fitted:
        """Fit to chips."""
        squares = [float(np.square(part, dtype=np.float64).mean()) for part in (val.error, val.spread)]
        without = {}
        for climate in sorted(set(val.climates) - {""}):
            others = np.array([one != climate for one in val.climates])
            if others.any():
                without[climate] = val.of(others).calibration(samples)
        return cls(val.calibration(samples), float(np.sqrt(squares[0] / max(1e-12, squares[1]))), without)


@torch.inference_mode()
def errors(model: SuperResolver, pairs: Pairs, chips: int, settings: UncertaintySettings) -> Errors:
    """Return how far a model's outputs in agreement are from the ground, with what tells it.

    Args:
        model: ready for inference.
        pairs: a split.
        chips: how many, spread evenly; 0 takes all.
        settings: how many views.
    """
    all_digits()
    device = next(p.device for p in model.parameters())
    inputs = InAgreement.of(pairs)
    numbers = spread_evenly(len(pairs), chips or len(pairs))
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    tiles: list[str] = []
    regions: list[str] = []
    for first in range(0, len(numbers), BATCH):
        batch = pairs.batch(numbers[first : first + BATCH])
        given = batch.seen().to(device)
        outputs = [
            inputs.apply(image.float().cpu(), batch).clamp(0, 1) for image in views(model, *given, settings.views)
        ]
        ground = inputs.apply(batch.hr, batch).clamp(0, 1)
        found.append((outputs[0] - ground, spread(outputs), detail(outputs[0])))
        tiles += batch.tiles
        regions += batch.regions
    error, spreads, details = (torch.cat(each).numpy() for each in zip(*found, strict=True))
    return Errors(error, spreads, details, tuple(regions), tuple(_climate(pairs, tile) for tile in tiles))


def coverage_table(method: str, fitted: Fitted, test: Errors, table: TableSettings) -> pd.DataFrame:
    """Return which share of the test pixels intervals cover, with intervals over regions.

    Args:
        method: its name.
        fitted: to the validation chips.
        test: what is looked at.
        table: of the bootstrap.

    Returns:
        One row per kind of interval and level: method, kind, level, share, low, high, half_width (mean, in levels of
        255). `as it is` takes the spread for the standard deviation of a normal error; `one factor` multiplies it by
        the validation's root mean square of error over that of spread; `climate left out` is fitted to the validation
        regions of all climates but the chip's own.
    """
    rows = []
    for level in LEVELS:
        z = NormalDist().inv_cdf((1 + level) / 2)
        kinds: dict[str, Values] = {
            AS_IT_IS: z * test.spread,
            ONE_FACTOR: fitted.factor * z * test.spread,
            CALIBRATED: _half_width(fitted.calibration, level, test),
        }
        if fitted.without:
            kinds[CLIMATE_LEFT_OUT] = _by_climate(fitted, level, test)
        for kind, width in kinds.items():
            covered = (np.abs(test.error) <= width).mean(axis=(1, 2, 3), dtype=np.float64)
            scores = pd.DataFrame({"region": test.regions, "seed": 0, "value": covered})
            found = mean_interval(scores, table.level, table.resamples, table.seed)
            row = {"method": method, "kind": kind, "level": level, "share": found.mean, "low": found.low}
            rows.append({**row, "high": found.high, "half_width": GREYS * float(width.mean(dtype=np.float64))})
    return pd.DataFrame(rows)


def by_region(method: str, fitted: Fitted, test: Errors) -> pd.DataFrame:
    """Return the share that calibrated intervals cover in each test region: method, region, level, share."""
    frames = []
    for level in LEVELS:
        covered = (np.abs(test.error) <= _half_width(fitted.calibration, level, test)).mean(
            axis=(1, 2, 3), dtype=np.float64
        )
        own = pd.DataFrame({"region": test.regions, "share": covered}).groupby("region").share.mean()
        frames.append(pd.DataFrame({"method": method, "region": own.index, "level": level, "share": own.to_numpy()}))
    return pd.concat(frames, ignore_index=True)


def calibrations(found: Mapping[str, Calibration]) -> pd.DataFrame:
    """Return the weights of each method as a table: method, name, value; names as on a model's card."""
    rows = [(method, *item) for method, one in found.items() for item in one.for_card().items()]
    return pd.DataFrame(rows, columns=["method", "name", "value"])


def sentence(coverage: pd.DataFrame, regions: pd.DataFrame, level: float = 0.95) -> str:
    """Say by rule what intervals of one level cover."""
    own = coverage[coverage.level == level].set_index(["method", "kind"])
    parts = []
    for method in own.index.get_level_values("method").unique():
        said = [f"{kind} {_percent(own.loc[(method, kind)])}" for kind in own.loc[method].index]
        shares = regions[(regions.method == method) & (regions.level == level)].share
        parts.append(f"**{method}**: {', '.join(said)}; in the worst region {100 * shares.min():.0f} %")
    return f"Share of the ground that {100 * level:g} % intervals cover on test regions. {'. '.join(parts)}."


def as_text(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the table for people: a row per method and kind, a column per level."""
    told = coverage.assign(
        told=[f"{_percent(row)}, ±{row.half_width:.1f}" for row in coverage.itertuples()],
        interval=[f"{100 * level:g} %" for level in coverage.level],
    )
    wide = told.pivot(index=["method", "kind"], columns="interval", values="told")
    order = told.set_index(["method", "kind"]).index.unique()
    columns = [f"{100 * level:g} %" for level in LEVELS]
    shown: pd.DataFrame = wide.reindex(index=order, columns=columns)
    return shown.reset_index()


def _percent(row: object) -> str:
    share, low, high = (100 * float(getattr(row, name)) for name in ("share", "low", "high"))
    return f"{share:.0f} %" + (f" [{low:.0f}, {high:.0f}]" if low == low else "")


def _half_width(fitted: Calibration, level: float, test: Errors) -> Values:
    parts = (torch.from_numpy(part) for part in (test.spread, test.detail))
    return fitted.half_width(level, *parts).numpy()


def _by_climate(fitted: Fitted, level: float, test: Errors) -> Values:
    """Return half widths of which each is fitted without the chip's own climate; one that no chip had is left out."""
    widths = np.empty_like(test.error)
    for climate in sorted(set(test.climates)):
        own = np.array([one == climate for one in test.climates])
        widths[own] = _half_width(fitted.without.get(climate, fitted.calibration), level, test.of(own))
    return widths


def _climate(pairs: Pairs, tile: str) -> str:
    try:
        return climate_of(pairs, tile)
    except ValueError:
        return ""
