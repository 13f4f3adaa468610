"""What agreement with the input changes: outputs in another tone come back, and the table says which side is better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from satsr.data.pairs import Batch
from satsr.evaluation.settings import TableSettings
from satsr.models.consistent import SensorModel, observe
from satsr.scenes.of_pairs import LR_GSD_M, InAgreement
from satsr.studies.consistency import Agreeing, differences, sentence

RGB = ("red", "green", "blue")
WHITES = np.full(3, 0.3558, np.float32)
SENSOR = SensorModel.of(RGB, 4, LR_GSD_M)


def batch() -> Batch:
    """Two places of three dates, which the sensor saw without noise; one date of the second is black in a corner."""
    rng = np.random.default_rng(0)
    hr = np.stack([ndimage.gaussian_filter(rng.random((3, 96, 96)), (0, 1.5, 1.5), mode="wrap") for _ in range(2)])
    hr = torch.from_numpy(0.2 + 0.6 * (hr - hr.min()) / np.ptp(hr)).float()
    lr = observe(hr, SENSOR)[:, None].repeat(1, 3, 1, 1, 1)
    valid = torch.ones(2, 3, 24, 24, dtype=torch.bool)
    valid[1, 0, :5, :5] = False
    lr[1, 0, :, :5, :5] = 0
    return Batch(
        lr=lr,
        lr_valid=valid,
        dt_days=torch.zeros(2, 3),
        hr=hr,
        hr_valid=torch.ones(2, 96, 96, dtype=torch.bool),
        place=torch.zeros(2, 2, dtype=torch.int64),
        day=torch.zeros(2, dtype=torch.float64),
        tiles=("a", "b"),
        regions=("r", "s"),
    )


def test_an_output_in_another_tone_comes_back() -> None:
    given = batch()
    other = given.hr + 0.04 * torch.linspace(-1, 1, 96)
    inputs = InAgreement((0, 1, 2), SENSOR, WHITES)
    agreeing = Agreeing(other[[1, 0]], {"b": 0, "a": 1}, inputs)  # in another order than the batch
    torch.testing.assert_close(agreeing.free(given), other)
    levels = 255 * (observe(other, SENSOR) - observe(given.hr, SENSOR)).abs().mean(dim=(1, 2, 3))
    torch.testing.assert_close(agreeing.residual(given), levels, rtol=1e-3, atol=1e-3)
    found, clipped = agreeing(given)
    inner = (..., slice(16, -16), slice(16, -16))
    assert (other - given.hr)[inner].abs().mean() > 0.01
    assert (found - given.hr)[inner].abs().mean() < 0.003  # the composite's noise is left: 0.6 levels
    assert clipped.max() == 0


def scores(value: float, spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        {"tile": f"{region}-{chip}", "region": str(region), "seed": 0, "method": "esrgan", "metric": metric}
        | {"protocol": "corrected", "value": value + spread * region + 0.001 * rng.random()}
        for metric in ("psnr", "lpips:judge", "cpsnr")
        for region in range(12)
        for chip in range(3)
    ]
    return pd.DataFrame(rows)


def test_a_difference_has_its_direction_and_its_rule() -> None:
    free = scores(1.0, 0.1)
    agreeing = free.assign(value=free.value.where(free.metric == "cpsnr", free.value + 0.2))
    agreeing.loc[agreeing.metric == "cpsnr", "value"] += np.tile([0.1, -0.1, 0.0], 12)
    found = differences(free, agreeing, TableSettings(resamples=200)).set_index("metric")
    assert found.difference.tolist() == pytest.approx([0.2, 0.2, 0.0], abs=1e-9)
    assert found.verdict.tolist() == ["better", "worse", "not shown"]
    said = sentence(found.reset_index())
    assert "psnr: better for esrgan; lpips:judge: worse for esrgan; cpsnr: no difference is shown." in said
