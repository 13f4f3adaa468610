"""Real pairs beside a model: which are there, which may be scored, and which frames a model is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from satsr.data.readers.s2naip_folder import Chip
from satsr.studies.real.chips import FOLDERS, pair_folders, tensors


def write(path: Path, side: int, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(path)


def test_sets_that_are_there_are_read_and_a_models_output_is_no_target(tmp_path: Path) -> None:
    for chip in ("chip_0", "chip_1"):
        write(tmp_path / "s2naip_sample" / chip / "hr.png", 128, 200)
        for frame in range(2):
            write(tmp_path / "s2naip_sample" / chip / f"s2_{frame}.png", 32, 10 + frame)
    write(tmp_path / "real_pairs" / "spot" / "a_hr.png", 128, 100)
    write(tmp_path / "real_pairs" / "spot" / "a_lr.png", 32, 50)
    found = {each.name: each for each in pair_folders(tmp_path)}
    assert list(found) == ["s2naip_sample", "real_pairs/spot"]
    assert found["s2naip_sample"].scored == (True, False)
    assert found["real_pairs/spot"].scored == (True,)
    assert found["real_pairs/spot"].remark == FOLDERS["real_pairs/spot"]
    (chip,) = found["real_pairs/spot"].chips
    assert (chip.bands["tci"].shape, chip.hr.shape) == ((1, 32, 32, 3), (128, 128, 3))


def test_nothing_there_is_no_set(tmp_path: Path) -> None:
    assert pair_folders(tmp_path) == []


def chip_of(*values: int) -> Chip:
    frames = np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], (len(values), 32, 32, 3)).copy()
    return Chip("0_0", "real", np.full((128, 128, 3), 51, np.uint8), {"tci": frames})


def test_fewer_dates_are_repeated_in_turn_and_black_ones_left_out() -> None:
    lr, hr = tensors(chip_of(0, 51, 102), 5)
    assert (lr.shape, hr.shape) == ((1, 5, 3, 32, 32), (1, 3, 128, 128))
    torch.testing.assert_close(lr[0, :, 0, 0, 0], torch.tensor([0.2, 0.4, 0.2, 0.4, 0.2]))
    torch.testing.assert_close(hr, torch.full_like(hr, 0.2))


def test_of_more_dates_the_first_good_ones_are_taken() -> None:
    lr, _ = tensors(chip_of(0, 51, 102, 153), 2)
    torch.testing.assert_close(lr[0, :, 0, 0, 0], torch.tensor([0.2, 0.4]))


def test_where_all_is_black_something_is_shown() -> None:
    lr, _ = tensors(chip_of(0, 0), 3)
    assert lr.shape == (1, 3, 3, 32, 32)
    assert not lr.any()
