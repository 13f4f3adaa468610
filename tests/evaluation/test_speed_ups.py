"""When one training reaches another's best."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from satsr.evaluation.speed_ups import speed_up_sentence, speed_ups


def curve(*scores: float, seed: int = 0, every: int = 100) -> pd.DataFrame:
    steps = [every * (i + 1) for i in range(len(scores))]
    return pd.DataFrame({"seed": seed, "step": steps, "val_lpips": scores})


def test_the_ratio_counts_to_the_first_step_that_is_good_enough() -> None:
    baseline = curve(0.9, 0.8, 0.7, 0.6, 0.65)  # best at 400
    (row,) = speed_ups(curve(0.7, 0.5, 0.4), baseline, parts={"operations": 0.5}).itertuples()
    assert (row.best, row.baseline_steps, row.steps, row.censored) == (0.6, 400, 200, False)
    assert row.ratio == 2
    assert row.ratio_operations == 4  # a step costs half


def test_as_good_counts_as_reached() -> None:
    (row,) = speed_ups(curve(0.6), curve(0.7, 0.6)).itertuples()
    assert row.ratio == 2


def test_what_is_never_reached_is_an_upper_limit() -> None:
    table = speed_ups(curve(0.9, 0.8, 0.7, 0.7), curve(0.6, 0.7))
    (row,) = table.itertuples()
    assert row.censored
    assert math.isnan(row.steps)
    assert row.ratio == 100 / 400
    assert speed_up_sentence(table) == "not reached in 1 seed: below 0.25 times"


def test_seeds_stay_apart_and_are_averaged_as_ratios() -> None:
    method = pd.concat([curve(0.5, seed=0), curve(0.9, 0.5, seed=1), curve(0.9, 0.9, seed=2)])
    baseline = pd.concat([curve(0.9, 0.9, 0.9, 0.6, seed=s) for s in (0, 1, 2)])
    table = speed_ups(method, baseline)
    assert table.ratio.tolist() == [4, 2, 2]
    assert table.censored.tolist() == [False, False, True]
    assert table.at_first.tolist() == [True, False, False]
    assert table.improving.all()
    said = "2.5 times (2 to 4), 3 seeds, not reached in 1, reached at the first validation in 1"
    assert speed_up_sentence(table) == f"{said}, with a baseline that was still improving in 3"


def test_limits_are_said_to_be_limits() -> None:
    baseline = pd.concat([curve(0.9, 0.6, 0.7, seed=s) for s in (0, 1)])
    censored = speed_ups(pd.concat([curve(0.9, 0.5, seed=0), curve(0.9, 0.9, seed=1)]), baseline)
    assert speed_up_sentence(censored).startswith("at most 1 times")
    first = speed_ups(pd.concat([curve(0.5, seed=0), curve(0.9, 0.5, seed=1)]), baseline)
    assert speed_up_sentence(first).startswith("at least 1.4 times")


def test_no_common_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="no seed in common"):
        speed_ups(curve(0.5, seed=0), curve(0.5, seed=1))
