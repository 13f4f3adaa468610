"""Scoring a model on a set: one value per image, metric and protocol, clipping recorded, nothing lost silently."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from satsr.data.pairs import Pairs
from satsr.evaluation import evaluate, super_resolve, trained_models
from satsr.metrics.psnr import psnr
from satsr.params import EvaluateSettings, PairSettings
from tests.unit.chips import made_up_chip, write_set


class Constant(nn.Module):
    """Stands for a model: the same value everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, lr: Tensor, dt_days: Tensor) -> Tensor:
        return torch.full((len(lr), 3, 128, 128), self.value)


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return Pairs(write_set(tmp_path, [made_up_chip(f"{32 * n}_0", seed=n) for n in range(5)]), PairSettings(dates=3))


def test_one_row_per_image_metric_and_protocol_whatever_the_batch(pairs: Pairs) -> None:
    ((_, model),) = trained_models("bicubic", [0, 1], Path("unused"), pairs)
    tables = [evaluate(model, pairs, EvaluateSettings(batch=size), 0, "bicubic") for size in (2, 5)]
    assert len(tables[0]) == 5 * 3 * 2
    key = ["metric", "protocol", "tile"]
    small, large = (t.sort_values(key).reset_index(drop=True) for t in tables)
    assert small[key].equals(large[key])
    assert small.value.to_numpy() == pytest.approx(large.value.to_numpy(), abs=1e-6)
    assert set(small.tile) == set(pairs.tiles)


def test_values_are_those_of_the_metric_on_the_set(pairs: Pairs) -> None:
    settings = EvaluateSettings(metrics=("psnr",), protocols=("corrected",))
    table = evaluate(Constant(0.5), pairs, settings, 7, "constant").set_index("tile")
    for number, tile in enumerate(pairs.tiles):
        hr = pairs.pair(number).hr[None]
        assert table.value[tile] == pytest.approx(float(psnr(torch.full_like(hr, 0.5), hr, "corrected")))
    assert set(table.seed) == {7}


@pytest.mark.parametrize(("value", "clipped", "shown"), [(1.5, 1.0, 1.0), (-0.5, 1.0, 0.0), (0.25, 0.0, 0.25)])
def test_clipping_is_done_and_recorded(pairs: Pairs, value: float, clipped: float, shown: float) -> None:
    sr, share = super_resolve(Constant(value), pairs.batch([0, 1]))
    assert share.tolist() == [clipped, clipped]
    assert sr.unique().tolist() == [shown]


def test_an_output_that_is_not_a_number_is_refused(pairs: Pairs) -> None:
    with pytest.raises(ValueError, match=r"(?i)nan|finite"):
        evaluate(Constant(float("nan")), pairs, EvaluateSettings(), 0, "broken")
