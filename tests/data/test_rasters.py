"""Rasters: what is written comes back, a file is whole or not there, and errors name the file and the remedy."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rasterio.crs import CRS

from satsr.data.rasters import north_up, open_raster, write_geotiff

IMAGE = np.random.default_rng(0).integers(0, 60_000, (2, 40, 50)).astype(np.uint16)
MASK = IMAGE[0] > 30_000
CORNER = (500_000.0, 5_000_000.0)


def write(path: Path, image: np.ndarray = IMAGE) -> Path:
    place = north_up(CORNER, 10.0)
    write_geotiff(path, image, "EPSG:32633", place, ("red", "b08"), MASK, {"level": "L2A"}, tiled=True)
    return path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "a.tif")
    with open_raster(path) as file:
        np.testing.assert_array_equal(file.read(), IMAGE)
        np.testing.assert_array_equal(file.dataset_mask() > 0, MASK)
        assert (file.crs, file.descriptions, file.tags()["level"]) == (CRS.from_epsg(32633), ("red", "b08"), "L2A")
        assert file.bounds == (CORNER[0], CORNER[1] - 400, CORNER[0] + 500, CORNER[1])
    assert list(path.parent.iterdir()) == [path]  # the mask lies inside, and nothing is left over


def test_what_gdal_says_of_a_damaged_tag_is_one_line_too(tmp_path: Path) -> None:
    """Such an error is none of rasterio's own, and comes when the tag is looked at, after the file was opened."""
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.jpg", exif=b"Exif\0\0broken")
    said = r"a\.jpg cannot be read \(.+\): mend it$"
    with pytest.raises(ValueError, match=said) as error, open_raster(tmp_path / "a.jpg", remedy="mend it") as file:
        _ = file.colorinterp, file.tags(), file.read()
    assert "\n" not in str(error.value)


def test_bytes_are_opened_as_their_file_is(tmp_path: Path) -> None:
    with open_raster(write(tmp_path / "a.tif").read_bytes(), "a.tif") as file:
        np.testing.assert_array_equal(file.read(), IMAGE)


def test_a_write_that_fails_keeps_what_was_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))  # the system refuses larger files, as a full disk
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            write(path, IMAGE[::-1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with open_raster(path) as file:
        np.testing.assert_array_equal(file.read(), IMAGE)


def test_errors_name_file_and_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"a\.tif is missing: download or make that file again"),
        open_raster(tmp_path / "a.tif"),
    ):
        pass
    whole = write(tmp_path / "a.tif").read_bytes()
    for cut in (whole[:0], whole[:3000]):
        (tmp_path / "a.tif").write_bytes(cut)
        for source in (tmp_path / "a.tif", str(tmp_path / "a.tif")):
            with (
                pytest.raises(ValueError, match=r"^the scene cannot be read \(.+\): get it again$"),
                open_raster(source, "the scene", "get it again") as file,
            ):
                file.read()
