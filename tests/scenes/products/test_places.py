"""Places on Earth: on either side of the 180th meridian, across it, and larger than memory."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from satsr.scenes.products import Grid, Series, series
from satsr.scenes.products.grid import TILES, WORLD_M, bounds_in, shared, side_by_side
from satsr.scenes.products.memory import check_fits, free_bytes, needed_bytes
from tests.made.make_safe import Made, write

RGB = ("B02", "B03", "B04")
LONGITUDES, ZONE_1, ZONE_60 = CRS.from_epsg(4326), CRS.from_epsg(32701), CRS.from_epsg(32760)
SOUTH, NORTH = -17.0035, -16.9965  # inside of the tile
HALF = WORLD_M / 2


def across(folder: Path, crs: str = "EPSG:32701", mask: str = "CLASSI", cloud: Any = None) -> Path:
    """Write a tile whose middle lies on the 180th meridian."""
    (x,), (y,) = transform("EPSG:4326", crs, [180.0], [-17.0])
    corner = 60 * round((x - 480) / 60), 60 * round((y + 480) / 60)
    rng = np.random.default_rng(3)
    counts = {band: rng.integers(400, 3000, (96, 96)).astype(np.uint16) for band in RGB}
    tile = "01KAB" if crs == "EPSG:32701" else "60KZG"
    return write(folder, Made(tile=tile, crs=crs, corner=corner, bands=RGB, counts=counts, mask=mask, cloud=cloud))


def pasted(one: Series, whole: Series, once: float = 0.0) -> np.ndarray:
    """Return the part of a series on the same grid that another one shows."""
    t, w = one.transform, whole.transform
    column = round((t.c + once - w.c) / t.a)
    row = round((t.f - w.f) / t.e)
    assert (t.c + once - w.c) / t.a == pytest.approx(column, abs=1e-4)
    return whole.images[:, row : row + one.images.shape[1], column : column + one.images.shape[2]]


@pytest.mark.parametrize("crs", ["EPSG:32701", "EPSG:32760"])
@pytest.mark.parametrize("grid", ["own", "web-mercator"])
def test_a_box_across_the_meridian_is_two_boxes_glued(tmp_path: Path, crs: str, grid: Any) -> None:
    safe = across(tmp_path, crs)
    west = series([safe], (179.997, SOUTH, 180.0, NORTH), grid=grid)
    east = series([safe], (-180.0, SOUTH, -179.997, NORTH), grid=grid)
    both = series([safe], (179.997, SOUTH, -179.997, NORTH), grid=grid)
    np.testing.assert_array_equal(west.images, pasted(west, both))
    beyond = pasted(east, both, WORLD_M if grid == "web-mercator" else 0.0)
    # The published grid is 0.4 mm longer around the world than the Earth is, so far values are rounded otherwise.
    assert (east.images == beyond).mean() > (0.99 if grid == "web-mercator" else 1 - 1e-9)
    assert np.abs(east.images.astype(int) - beyond).max() <= 1
    assert east.valid.any()
    assert east.transform.c < HALF
    width = west.images.shape[2] + east.images.shape[2]
    assert width - 4 <= both.images.shape[2] <= width  # in a zone the meridian is no column
    assert both.valid.mean() > 0.7


@pytest.mark.parametrize("grid", ["own", "web-mercator"])
def test_longitudes_beyond_180_degrees_say_the_same(tmp_path: Path, grid: Any) -> None:
    safe = across(tmp_path)
    one, other = (series([safe], (179.997, SOUTH, right, NORTH), grid=grid) for right in (-179.997, 180.003))
    np.testing.assert_array_equal(one.images, other.images)


def test_a_whole_tile_across_the_meridian_is_as_large_on_the_training_grid(tmp_path: Path) -> None:
    found = series([across(tmp_path)], grid="web-mercator")
    assert max(found.images.shape[1:3]) <= 192  # and not once around the world
    assert found.valid.any(axis=(0, 1)).sum() > 96  # columns on both sides of the meridian
    assert found.transform.c < HALF < found.transform.c + found.images.shape[2] * found.transform.a


@pytest.mark.parametrize("mask", ["CLASSI", "CLOUDS"])
def test_clouds_across_the_meridian(tmp_path: Path, mask: str) -> None:
    cloud = np.zeros((16, 16), bool)
    cloud[4:12, 4:12] = True  # a quarter of the tile, on both sides
    found = series([across(tmp_path, mask=mask, cloud=cloud)], grid="web-mercator")
    hidden = (found.images.any(axis=-1) & ~found.valid).sum() / found.images.any(axis=-1).sum()
    assert hidden == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32701"])
@pytest.mark.parametrize("place", ["across", "plain"])
def test_the_box_that_a_message_offers_works(tmp_path: Path, crs: str, place: str) -> None:
    safe = across(tmp_path) if place == "across" else write(tmp_path, Made(bands=RGB))
    elsewhere = (2.0, 40.0, 2.1, 40.1) if crs == "EPSG:4326" else (2e6, 5e6, 2.1e6, 5.1e6)
    with pytest.raises(ValueError, match="does not overlap the bounds") as caught:
        series([safe], elsewhere, bounds_crs=crs)
    offered = re.search(r"bounds inside \(([^)]*)\)", str(caught.value))
    assert offered
    left, bottom, right, top = map(float, offered[1].split(","))
    found = series([safe], (left, bottom, right, top), bounds_crs=crs)
    assert found.images.shape == (1, 96, 96, 3)
    if crs == "EPSG:4326" and place == "across":
        assert left > right


def test_a_short_way_back_is_no_crossing(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=RGB))
    with pytest.raises(
        ValueError, match=r"expected left < right and bottom < top \(left > right only across the 180th"
    ):
        series([safe], (13.0, 52.0, 12.0, 53.0))
    with pytest.raises(ValueError, match=r"expected left < right and bottom < top$"):
        series([safe], (5e5, 5e6, 3e5, 6e6), bounds_crs="EPSG:32633")


def test_tiles_on_either_side_are_one_frame(tmp_path: Path) -> None:
    """In the zones on either side, and in the world's box; both in one grid."""
    safes = [across(tmp_path / "a"), across(tmp_path / "b", "EPSG:32760")]
    for grid in ("own", "web-mercator"):
        found = series(safes, (-180, -90, 180, 90), grid=grid)  # type: ignore[arg-type]
        assert max(found.images.shape[1:3]) <= 192
        assert len(found.dates) == 1


def test_boxes_are_compared_on_one_turn_around_the_world() -> None:
    box = (179.0, 0.0, 181.0, 1.0)
    assert shared(box, (-180.0, 0.0, -179.5, 1.0), LONGITUDES) == (180.0, 0.0, 180.5, 1.0)
    assert shared(box, (-180.0, -90.0, 180.0, 90.0), LONGITUDES) == box
    assert shared(box, (-179.0, 0.0, 179.0, 1.0), LONGITUDES) is None
    assert shared(box, (-180.0, 0.0, -179.5, 1.0), ZONE_1) is None  # no longitude
    assert side_by_side([box, (-181.0, 0.0, -179.0, 1.0)], LONGITUDES) == [box, box]
    for crs in (ZONE_1, ZONE_60):
        (x,), (y,) = transform("EPSG:4326", crs, [180.0], [-17.0])
        square = (x - 500, y - 500, x + 500, y + 500)
        degrees, metres = bounds_in(square, crs, LONGITUDES), bounds_in(square, crs, TILES.crs)
        assert 179.99 < degrees[0] < 180 < degrees[2] < 180.01
        assert HALF - 600 < metres[0] < HALF < metres[2] < HALF + 600
        assert metres == pytest.approx(bounds_in(degrees, LONGITUDES, TILES.crs), abs=1e-3)
        assert bounds_in(metres, TILES.crs, LONGITUDES) == pytest.approx(degrees, abs=1e-6)


def test_what_is_larger_than_memory_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=RGB))
    grid = Grid(CRS.from_epsg(32633), Affine(10, 0, 330_000, 0, -10, 5_822_040), 3_000_000, 3_000_000)
    with pytest.raises(
        ValueError, match=r"got 3000000 x 3000000 px of 1 dates, .*too large: it takes \d+\.\d GB"
    ) as caught:
        series([safe], grid=grid)
    assert "smaller bounds" in str(caught.value)
    assert "--dates" in str(caught.value)


def test_memory_grows_with_all_that_is_held() -> None:
    small = Grid(LONGITUDES, Affine.identity(), 100, 100)
    assert needed_bytes(small, 8, 3, 3) >= 8 * 100 * 100 * 4
    assert needed_bytes(small, 8, 3, 3) > needed_bytes(small, 4, 3, 3) > needed_bytes(small, 4, 1, 1)
    check_fits(small, 8, 3, 3)
    assert free_bytes() > 0


def test_a_limit_of_the_shell_counts() -> None:
    code = "from satsr.scenes.products.memory import free_bytes; print(free_bytes())"
    limit = 3_000_000_000
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": ""},
        cwd=Path(__file__).parents[3],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert 0 < int(done.stdout) < limit
