"""Shares that intervals cover, from errors whose spread is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satsr.evaluation.settings import TableSettings
from satsr.studies.uncertainty.coverage import (
    AS_IT_IS,
    CALIBRATED,
    CLIMATE_LEFT_OUT,
    ONE_FACTOR,
    Errors,
    Fitted,
    as_text,
    by_region,
    calibrations,
    coverage_table,
    sentence,
)
from satsr.studies.uncertainty.settings import UncertaintySettings

TABLE = TableSettings(resamples=200)


def made(seed: int, climates: tuple[str, ...] = ("dry", "wet")) -> Errors:
    """Eight chips of four regions: errors twice as large in the wet climate; views say a tenth of it."""
    rng = np.random.default_rng(seed)
    names = tuple(climates[n % len(climates)] for n in range(8))
    sigma = np.array([0.04 if name == "wet" else 0.02 for name in names])[:, None, None, None]
    shape = (8, 3, 32, 32)
    error = (sigma * rng.standard_normal(shape)).astype(np.float32)
    spread = np.broadcast_to(sigma / 10, shape).astype(np.float32)
    regions = tuple(f"r{n % 4}" for n in range(8))
    return Errors(error, spread, rng.random(shape, np.float32) * 0.01, regions, names)


def test_intervals_by_the_views_alone_cover_too_little_and_fitted_ones_what_they_say() -> None:
    table = coverage_table("m", Fitted.to(made(0), 800), made(1), TABLE).set_index(["kind", "level"])
    for level in (0.5, 0.8, 0.95):
        assert table.share[AS_IT_IS, level] < 0.25 * level
        assert table.share[ONE_FACTOR, level] == pytest.approx(level, abs=0.02)
        assert table.share[CALIBRATED, level] == pytest.approx(level, abs=0.02)
        assert table.low[CALIBRATED, level] <= table.share[CALIBRATED, level] <= table.high[CALIBRATED, level]
    # 1.96 standard deviations of a mean of 0.03, in levels of 255
    assert table.half_width[CALIBRATED, 0.95] == pytest.approx(255 * 1.96 * 0.03, rel=0.05)


def test_a_climate_is_judged_by_what_was_fitted_to_the_others() -> None:
    val, test = made(0), made(1)
    flat = np.full_like(val.spread, 0.001)  # views that tell nothing
    fitted = Fitted.to(Errors(val.error, flat, flat, val.regions, val.climates), 800)
    table = coverage_table("m", fitted, Errors(test.error, flat, flat, test.regions, test.climates), TABLE)
    share = table.set_index(["kind", "level"]).share
    # the wet by the dry: 0.98 standard deviations, 67 %; the dry by the wet: all of them
    assert share[CLIMATE_LEFT_OUT, 0.95] == pytest.approx((0.673 + 1.0) / 2, abs=0.02)
    alone = coverage_table("m", Fitted.to(made(0, ("",)), 800), made(1, ("",)), TABLE)
    assert CLIMATE_LEFT_OUT not in set(alone.kind), "where no climate is known"


def test_tables_and_sentence_say_the_same() -> None:
    fitted, test = Fitted.to(made(0), 800), made(1)
    table, regions = coverage_table("m", fitted, test, TABLE), by_region("m", fitted, test)
    assert len(regions) == 4 * 3
    share = table[(table.kind == CALIBRATED) & (table.level == 0.95)].share.iloc[0]
    assert f"calibrated {100 * share:.0f} %" in sentence(table, regions)
    text = as_text(table)
    assert list(text.columns) == ["method", "kind", "50 %", "80 %", "95 %"]
    assert list(text.kind) == [AS_IT_IS, ONE_FACTOR, CALIBRATED, CLIMATE_LEFT_OUT]
    rows = calibrations({"m": fitted.calibration})
    assert len(rows) == 9
    assert pd.Series(rows.value.to_numpy(), rows.name).to_dict() == fitted.calibration.for_card()


def test_only_methods_that_are_trained_have_intervals() -> None:
    with pytest.raises(ValueError, match="got bicubic, expected methods that are trained"):
        UncertaintySettings(methods=("bicubic", "esrgan"))
