"""Clouds: frames far from their median, and scores of places with and without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.making import world_chips
from satsr.data.settings import DataSettings, PairSettings
from satsr.studies.ablations.clouds import by_clouds, cloudy, cloudy_frames
from satsr.studies.ablations.engine import Tried
from satsr.studies.ablations.variants import Variant
from satsr.training.settings import TrainSettings
from satsr.world.cameras import sensors
from tests.data.making.chips import made_data_set, made_up_chip

TRAINING = TrainSettings(losses={"l1": 1.0}, steps=1)


def test_a_bright_frame_among_dark_ones_is_cloudy() -> None:
    lr = torch.full((2, 5, 3, 8, 8), 0.2)
    lr[0, 3] = 0.6
    lr[1, :, :, :2] += 0.3  # bright ground is bright in every frame
    assert cloudy(lr).tolist() == [[False, False, False, True, False], [False] * 5]
    assert not cloudy(lr[:, :2]).any()


def test_the_world_s_own_clouds_are_found() -> None:
    """Every frame of which half is covered is found, and no clear one."""
    settings = DataSettings(regions=3, chips_per_side=1, dates=12, cloudy_share=0.5, seed=5)
    covers: list[float] = []
    draw = sensors.draw_conditions

    def drawn(*given: Any) -> Any:
        found = draw(*given)
        covers.append(found.cloud_cover)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensors, "draw_conditions", drawn)
        chips = [chip for number in range(3) for chip in world_chips.region_chips(settings, number)[0]]
    series = torch.from_numpy(np.stack([chip.bands["tci"] for chip in chips])).float().movedim(-1, 2) / 255
    found, cover = cloudy(series).flatten(), torch.tensor(covers)
    assert (cover > 0.5).sum() > 3
    assert found[cover > 0.5].all()
    assert not found[cover == 0].any()


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Four places of four dates; one frame of the second is white."""
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(4)]
    for chip in chips:
        chip.bands["tci"][:] = 40
    chips[1].bands["tci"][2] = 250
    return made_data_set(Workspace(tmp_path, "test"), {"test": chips}, PairSettings(dates=4))


def seen(data: DataSet, dates: int) -> DataSet:
    return replace(data, settings=data.settings.model_copy(update={"pairs": PairSettings(dates=dates)}))


def test_frames_of_a_variant_are_the_first_of_those_of_the_largest(data: DataSet) -> None:
    four, two = (seen(data, dates).pairs["test"] for dates in (4, 2))
    assert cloudy_frames(four, four) == {"0_0": 0, "16_0": 1, "32_0": 0, "48_0": 0}
    first = four.pair(1).frames
    assert two.pair(1).frames == first[:2]
    assert cloudy_frames(two, four)["16_0"] == int(2 in first[:2])


def test_scores_are_parted_by_clouds(data: DataSet) -> None:
    variants = {str(n): Variant(str(n), "esrgan", TRAINING, seen(data, n)) for n in (1, 4)}
    rows = [
        {"method": name, "tile": tile, "metric": "psnr", "value": float(value)}
        for name in variants
        for value, tile in enumerate(data.pairs["test"].tiles)
    ]
    table = by_clouds(Tried(pd.DataFrame(), pd.DataFrame(rows), {}, {}), variants, "psnr").set_index("variant")
    assert table.loc["4"].tolist() == [(0 + 2 + 3) / 3, 1.0, 3, 1]
    assert table.loc["1", "clear_places"] in (3, 4)
