"""Borders of windows: a seam that was put in is found, and outputs have none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from satsr.models.superresolver import SuperResolver
from satsr.scenes.apply import Block
from satsr.scenes.job import prepare
from satsr.scenes.seams import borders, borders_of_blocks, seam_ratio
from satsr.scenes.tiling import Tiling
from tests.scenes.scenes import products
from tests.scenes.test_apply import PLAIN, esrgan, sr3, whole


def test_a_step_is_told_by_its_height() -> None:
    image = np.zeros((2, 40, 60), np.float32)
    image[:, ::2] = 1.0  # steps of 1 between all rows, none between columns
    assert seam_ratio(image, [10, 20], []) == pytest.approx(1 / ((37 + 0) / (37 + 59)))
    smooth = np.broadcast_to(np.arange(60, dtype=np.float32), (1, 40, 60)).copy()
    assert seam_ratio(smooth, [], [20, 40]) > 1
    smooth[..., 20:] += 9
    assert seam_ratio(smooth, [], [20]) == pytest.approx(10 / (58 / (58 + 39)))
    with pytest.raises(ValueError, match="got no border"):
        seam_ratio(image, [0, 40], [60])


@pytest.mark.parametrize("consistent", [True, False])
@pytest.mark.parametrize("model", [esrgan(), sr3()], ids=["esrgan", "sr3"])
def test_outputs_have_no_seams(tmp_path: Path, model: SuperResolver, consistent: bool) -> None:
    """Within 5 % of what lies inside; windows of the first are made small, so that there are borders at all."""
    job = prepare(products(tmp_path), model, how=replace(PLAIN, consistent=consistent))
    applied = job.applied
    if not job.facts["reach"]["window_px"]:
        applied = replace(applied, tiling=Tiling(2 * applied.tiling.halo + 16, applied.tiling.halo, 0))
    job = replace(job, applied=applied)
    block = Block(applied.scene.rows, applied.scene.columns)
    rows, columns = borders(applied, block)
    assert len(rows) >= 2
    assert seam_ratio(whole(job), rows, columns, 4) == pytest.approx(1, abs=0.05)


def test_windows_without_halo_have_seams(tmp_path: Path) -> None:
    """The measure can fail: the same network without what surrounds its windows."""
    job = prepare(products(tmp_path), esrgan(), how=replace(PLAIN, consistent=False))
    applied = replace(job.applied, tiling=Tiling(16, 0, 0))
    rows, columns = borders(applied, Block(applied.scene.rows, applied.scene.columns))
    assert seam_ratio(whole(replace(job, applied=applied)), rows, columns, 4) > 1.05


def test_borders_of_blocks_are_told_too(tmp_path: Path) -> None:
    job = prepare(products(tmp_path), esrgan(), how=replace(PLAIN, consistent=False))
    halo = job.applied.tiling.halo
    applied = replace(job.applied, tiling=Tiling(2 * halo + 16, halo, 0))
    rows, columns = borders_of_blocks(applied, 40)  # of 96 pixels: windows of 16 begin anew at 40 and at 80
    assert rows == columns == [4 * n for n in (16, 32, 40, 56, 72, 80)]
