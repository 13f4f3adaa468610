"""A mark that can be read, is faint, and lies where it lies whatever part is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio

from satsr.scenes.super_resolve import super_resolve
from satsr.scenes.watermark import SIDE_PX, STRENGTH, marked
from tests.scenes.scenes import products
from tests.scenes.test_apply import PLAIN


def test_it_is_faint_and_the_same_whatever_part_is_asked_for() -> None:
    flat = np.full((3, 600, 600), 0.2, np.float32)
    whole = marked(flat, 0, 0)
    assert flat.max() == np.float32(0.2), "the given image stays"
    assert 0.2 * (1 + 0.9 * STRENGTH) < whole.max() <= 0.2 * (1 + STRENGTH) + 1e-6
    assert 0.01 < np.mean(whole > 0.201) < 0.2, "letters, and most is left alone"
    np.testing.assert_array_equal(marked(flat[:, :50, :70], 130, 301), whole[:, 130:180, 301:371])
    np.testing.assert_array_equal(whole[:, :SIDE_PX, :SIDE_PX], whole[:, SIDE_PX : 2 * SIDE_PX, :SIDE_PX])


def test_it_is_in_the_file_on_request_only(tmp_path: Path) -> None:
    paths = products(tmp_path / "in", dates=1)
    how = replace(PLAIN, kind="float32")
    for name, mark in (("plain", False), ("marked", True)):
        super_resolve(paths, tmp_path / f"{name}.tif", "bicubic", how=replace(how, watermark=mark, side=56))
    images = []
    for name in ("plain", "marked"):
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            images.append(file.read())
    np.testing.assert_allclose(images[1], marked(images[0], 0, 0), rtol=1e-5)
