"""What the dates show, beside what was made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from satsr.scenes.input_file import input_path, write_input
from satsr.scenes.super_resolve import super_resolve
from tests.scenes.scenes import products, toned
from tests.scenes.test_apply import PLAIN


def test_it_is_the_median_of_the_dates_on_their_own_pixels(tmp_path: Path) -> None:
    paths, out = products(tmp_path / "in", empty={1: (slice(0, 10), slice(0, 12))}), tmp_path / "out.tif"
    job = super_resolve(paths, out, "bicubic", how=replace(PLAIN, support=True, register_px=None))
    path = write_input(job, out)
    assert path == input_path(out) == tmp_path / "out.input.tif"
    with rasterio.open(path) as file:
        assert file.descriptions == ("red", "green", "blue")
        assert (file.crs, file.res) == ("EPSG:32633", (10.0, 10.0))
        assert file.transform @ (0, 0) == (330_000, 5_822_040)
        red = file.read(1).astype(int)
    dates = [toned("B04", date).astype(int) for date in range(3)]
    median = np.median(dates, axis=0)
    median[:10, :12] = (dates[0] + dates[2])[:10, :12] / 2
    # the training data's 8 bits are 14 counts apart
    assert np.abs(red - median).max() <= 8
    with pytest.raises(FileExistsError, match=r"out\.input\.tif is there already"):
        write_input(job, out)
