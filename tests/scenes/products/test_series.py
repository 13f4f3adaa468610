"""Products become a model's input: values, masks, grids, windows and dates against independent computations."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform, transform_bounds
from scipy import ndimage

from satsr.common.tile_grid import corner_m
from satsr.scenes.products import Grid, open_product, series
from tests.made.make_safe import Made, write, zipped

RGB = ("B04", "B03", "B02")
EARLIER, LATER = Made(baseline="0209", day="20200601", seed=1), Made(day="20200611", seed=2)


def expected_tci(made: Made) -> NDArray[np.uint8]:
    """ESA's rule from counts without an offset: 255 at 3,558, at least 1, and 0 without data."""
    counts = np.stack([made.clean(b) for b in RGB], axis=-1).astype(np.float64)
    shown = (counts > 0).all(axis=-1, keepdims=True)
    return np.where(shown, np.clip(np.round(counts / 3558 * 255), 1, 255), 0).astype(np.uint8)


def test_true_colour_is_the_same_with_and_without_the_offset(tmp_path: Path) -> None:
    for made in (LATER, EARLIER):
        found = series([write(tmp_path, made)])
        assert found.images.shape == (1, 96, 96, 3)
        assert found.channels == ("red", "green", "blue")
        np.testing.assert_allclose(found.tci[0].astype(int), expected_tci(made), atol=1)  # ties of rounding
        assert (found.tci[0] == expected_tci(made)).mean() > 0.99
        assert found.valid.all()


def test_known_values(tmp_path: Path) -> None:
    """Reflectance 0.1779 is half of 0.3558; 0.3558 is white; dark is 1; 0 counts are no data."""
    counts = np.full((96, 96), 1779, np.uint16)
    counts[0, :4] = 3558, 9000, 1, 0
    made = Made(counts=dict.fromkeys(RGB, counts) | {"B08": np.full((96, 96), 4080, np.uint16)})
    found = series([write(tmp_path, made)], bands=("b08", "tci"))
    assert found.channels == ("b08", "red", "green", "blue")
    assert found.tci[0, 0, :5].tolist() == [[255] * 3, [255] * 3, [1] * 3, [0] * 3, [128] * 3]
    assert found.band("b08")[0, 50, 50] == 128  # 4080 / 8160
    assert found.valid[0, 0].tolist() == [True] * 3 + [False] + [True] * 92


@pytest.mark.parametrize(("band", "factor"), [("B08", 1), ("B8A", 2), ("B01", 6)])
@pytest.mark.parametrize("axis", [0, 1])
def test_other_bands_are_divided_by_8160_and_bilinear(tmp_path: Path, band: str, factor: int, axis: int) -> None:
    side = 96 // factor
    ramp = np.linspace(1000, 7000, side).astype(np.uint16)
    image = np.broadcast_to(ramp[:, None] if axis == 0 else ramp, (side, side))
    found = series([write(tmp_path, Made(counts={band: image}))], bands=(band.lower(),)).images[0, ..., 0]
    centers = (np.arange(96) + 0.5) / factor - 0.5  # in pixels of the band
    expected = np.interp(centers, np.arange(side), ramp) / 8160 * 255
    line = found[:, 40] if axis == 0 else found[40]
    np.testing.assert_allclose(line.astype(float), expected, atol=0.6)


def test_the_products_own_true_colour(tmp_path: Path) -> None:
    found = series([write(tmp_path, Made())], tci="product")
    assert (found.tci == [7, 8, 9]).all()
    with pytest.raises(ValueError, match=r"255 at reflectance 0\.2.*use tci='bands'"):
        series([write(tmp_path, Made(level="2A"))], tci="product")


def test_input_of_a_model(tmp_path: Path) -> None:
    found = series([write(tmp_path, m) for m in (LATER, EARLIER)])
    lr = found.lr()
    assert (lr.shape, lr.dtype) == ((2, 3, 96, 96), np.float32)
    np.testing.assert_array_equal(lr[1, 2], found.tci[1, ..., 2] / np.float32(255))
    assert found.dates == (date(2020, 6, 1), date(2020, 6, 11))  # in order of time
    repeated = found.lr(dates=5)
    np.testing.assert_array_equal(repeated[[0, 2, 4]], lr[[0, 0, 0]])
    with pytest.raises(ValueError, match="got 2 dates, the model takes 1"):
        found.lr(dates=1)


def test_window_by_pixels_and_by_bounds_in_any_crs(tmp_path: Path) -> None:
    safe = zipped(write(tmp_path, Made()))
    whole = series([safe])
    by_pixels = series([safe], window=(30, 12, 20, 40))
    np.testing.assert_array_equal(by_pixels.images, whole.images[:, 30:50, 12:52])
    assert by_pixels.transform == Affine(10, 0, 330_120, 0, -10, 5_821_740)
    bounds = (330_120.0, 5_821_540.0, 330_520.0, 5_821_740.0)
    by_metres = series([safe], bounds, bounds_crs="EPSG:32633")
    np.testing.assert_array_equal(by_metres.images, by_pixels.images)
    by_degrees = series([safe], transform_bounds("EPSG:32633", "EPSG:4326", *bounds))
    left, top = by_degrees.transform.c, by_degrees.transform.f
    assert 330_100 <= left <= 330_120  # the box of a turned box is larger
    row, column = round((by_pixels.transform.f - top) / -10), round((by_pixels.transform.c - left) / 10)
    part = by_degrees.images[:, row : row + 20, column : column + 40]
    np.testing.assert_array_equal(part, by_pixels.images)


def test_bounds_are_cut_to_the_products(tmp_path: Path) -> None:
    found = series([write(tmp_path, Made())], (0, 0, 330_100, 9e6), bounds_crs="EPSG:32633")
    assert found.images.shape == (1, 96, 10, 3)
    world = series([tmp_path], (-180, -90, 180, 90))  # far outside of what a UTM zone can express
    assert world.images.shape == (1, 96, 96, 3)


def test_the_first_product_in_the_bounds_gives_the_grid(tmp_path: Path) -> None:
    elsewhere = Made(crs="EPSG:32620", corner=(300_000, 5_000_040), tile="20TMQ", day="20200601")
    found = series([write(tmp_path, elsewhere), write(tmp_path, Made())], (12, 52, 13, 53))
    assert found.crs.to_epsg() == 32633
    assert [n.day for n in found.left_out] == [date(2020, 6, 1)]


def test_only_the_window_is_read(tmp_path: Path) -> None:
    """The last blocks of a file may be gone when the window needs the first ones only."""
    file = tmp_path / "T33UUU_20200611T102101_B08.jp2"
    image = np.random.default_rng(0).integers(1000, 9000, (1, 256, 256)).astype(np.uint16)
    size = {"driver": "JP2OpenJPEG", "count": 1, "height": 256, "width": 256, "dtype": "uint16"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 330_000, 0, -10, 5_822_040)}
    with rasterio.open(file, "w", **size, **place, QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=64, BLOCKYSIZE=64) as out:
        out.write(image)
    file.write_bytes(file.read_bytes()[:-20_000])
    how = {"level": "L1C", "offset": 0, "bands": ("b08",)}
    found = series([file], window=(0, 0, 40, 40), **how)
    np.testing.assert_allclose(found.images[0, ..., 0], np.round(image[0, :40, :40] / 8160 * 255).clip(1, 255), atol=1)
    with pytest.raises(ValueError, match=r"B08\.jp2 cannot be read .*download it again"):
        series([file], window=(216, 216, 40, 40), **how)


def smooth(seed: int = 3) -> dict[str, NDArray[np.uint16]]:
    """Counts that bilinear interpolation can follow."""
    rng = np.random.default_rng(seed)
    images = [ndimage.gaussian_filter(rng.normal(size=(96, 96)), 4) * 8000 + 1700 for _ in RGB]
    return {band: image.clip(300, 3400).astype(np.uint16) for band, image in zip(RGB, images, strict=True)}


def bilinear(image: NDArray[np.generic], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample a product's 10 m band at places of its own CRS."""
    rows, columns = (5_822_040 - y) / 10 - 0.5, (x - 330_000) / 10 - 0.5
    return ndimage.map_coordinates(image.astype(np.float64), [rows, columns], order=1)


def test_web_mercator_is_the_training_grid(tmp_path: Path) -> None:
    made = Made(counts=smooth(), side_m=960)
    found = series([write(tmp_path, made)], grid="web-mercator")
    pixel_m = 40_075_016.686 / 2**17 / 32
    assert found.crs.to_epsg() == 3857
    assert found.transform.a == pytest.approx(pixel_m, abs=1e-9)
    assert found.transform.e == pytest.approx(-pixel_m, abs=1e-9)
    assert all(n % 32 == 0 for n in found.images.shape[1:3])
    col, row = (
        round(v) for v in ((found.transform.c / pixel_m / 32) + 2**16, 2**16 - found.transform.f / pixel_m / 32)
    )
    assert (found.transform.c, found.transform.f) == pytest.approx(corner_m(col, row), abs=1e-6)


def test_web_mercator_shows_the_same_places(tmp_path: Path) -> None:
    made = Made(counts=smooth())
    found = series([write(tmp_path, made)], grid="web-mercator")
    rows, columns = np.nonzero(ndimage.binary_erosion(found.valid[0], iterations=2))
    picked = np.random.default_rng(0).choice(len(rows), 200, replace=False)
    rows, columns = rows[picked], columns[picked]
    t = found.transform
    x, y = transform("EPSG:3857", "EPSG:32633", t.c + (columns + 0.5) * t.a, t.f + (rows + 0.5) * t.e)
    for channel, band in enumerate(RGB):
        counts = bilinear(made.clean(band), np.array(x), np.array(y))
        np.testing.assert_allclose(found.tci[0, rows, columns, channel], counts / 3558 * 255, atol=1.0)


def test_bounds_of_a_training_tile_give_that_tile(tmp_path: Path) -> None:
    safe = write(tmp_path, Made())
    whole = series([safe], grid="web-mercator")
    left, top, side = whole.transform.c, whole.transform.f, 32 * whole.transform.a
    bounds = (left + side, top - 2 * side, left + 2 * side, top - side)
    tile = series([safe], bounds, bounds_crs="EPSG:3857", grid="web-mercator")
    np.testing.assert_array_equal(tile.images, whole.images[:, 32:64, 32:64])


def test_a_neighbouring_zone_is_warped_to_the_first(tmp_path: Path) -> None:
    """The same ground, stored in the next UTM zone: values agree where both have data."""
    first = Made(counts=smooth(), day="20200601")
    corner = transform("EPSG:32633", "EPSG:32632", [330_000], [5_822_040])
    corner = (corner[0][0] // 60 * 60 - 240, corner[1][0] // 60 * 60 + 240)
    x, y = np.meshgrid(corner[0] + 10 * (np.arange(144) + 0.5), corner[1] - 10 * (np.arange(144) + 0.5))
    there = transform("EPSG:32632", "EPSG:32633", x.ravel(), y.ravel())
    counts = {b: bilinear(i, *map(np.array, there)).reshape(144, 144).astype(np.uint16) for b, i in smooth().items()}
    second = Made(counts=counts, crs="EPSG:32632", corner=corner, tile="32UQD", side_m=1440, bands=RGB)
    found = series([write(tmp_path, first), write(tmp_path, second)])
    assert found.crs.to_epsg() == 32633
    assert found.transform == Affine(10, 0, 330_000, 0, -10, 5_822_040)
    both = ndimage.binary_erosion(found.valid.all(axis=0), iterations=3)
    assert both.mean() > 0.5
    difference = np.abs(found.tci[0].astype(int) - found.tci[1])[both]
    assert np.percentile(difference, 99) <= 6
    assert difference.mean() < 2


def test_a_given_grid_is_taken_as_it_is(tmp_path: Path) -> None:
    product = open_product(write(tmp_path, Made()))
    grid = Grid(product.crs, Affine(10, 0, 330_900, 0, -10, 5_822_040), 20, 20)
    found = series([product], grid=grid)
    assert found.images.shape == (1, 20, 20, 3)
    assert found.valid[0, :, :6].all()
    assert not found.valid[0, :, 6:].any()  # outside of the product
    assert not found.images[0, :, 6:].any()


def test_registration_moves_a_date_onto_the_clearest(tmp_path: Path) -> None:
    """The second date's content lies 1.4 px down and 0.7 px left; georeferences are the same."""
    rng = np.random.default_rng(5)
    ground = ndimage.gaussian_filter(rng.normal(size=(140, 140)), 2.5) * 6000 + 1700

    def seen(down: float, right: float) -> dict[str, NDArray[np.uint16]]:
        moved = ndimage.shift(ground, (down, right), order=3)[20:116, 20:116].clip(300, 3400)
        return dict.fromkeys(RGB, moved.astype(np.uint16))

    cloud = np.zeros((16, 16), bool)
    cloud[0, :4] = True
    paths = [
        write(tmp_path, Made(counts=seen(0, 0), day="20200601")),
        write(tmp_path, Made(counts=seen(1.4, -0.7), day="20200611", cloud=cloud)),
    ]
    plain, moved = series(paths), series(paths, register_px=2)
    inner = np.s_[:, 4:-4, 4:-4]
    before, after = (np.abs(np.diff(s.tci[inner].astype(int), axis=0)).mean() for s in (plain, moved))
    assert after < before / 5
    np.testing.assert_array_equal(moved.tci[0], plain.tci[0])
    assert moved.transform == plain.transform
    text = moved.used[1].reason
    assert "onto 2020-06-01" in text
    down, right = (float(v) for v in text.split("moved by (")[1].split(")")[0].split(", "))
    assert (down, right) == pytest.approx((-1.4, 0.7), abs=0.1)
    limited = series(paths, register_px=1)
    np.testing.assert_array_equal(limited.images, plain.images)
    assert "beyond the limit of 1 px" in limited.used[1].reason
