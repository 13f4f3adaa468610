"""Image files of any kind: colours by what the file says, pixels by what the ground says, parts as the whole."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import from_origin

from satsr.data.making.image_file import _Axis, open_image_file
from satsr.data.making.own_images import read_hr

RNG = np.random.default_rng(0)


def tiff(path: Path, values: np.ndarray, pixel: float = 2.4, crs: str = "EPSG:32633", **how: object) -> Path:
    """Write (C, H, W); `names` and `colors` are those of the bands."""
    names, colors = how.pop("names", ()), how.pop("colors", ())
    kind = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    place = {"crs": crs, "transform": from_origin(500_000, 5_800_000, pixel, pixel)}
    with rasterio.open(path, "w", **kind, dtype=values.dtype, **place, **how) as file:
        file.write(values)
        for number, name in enumerate(names, 1):  # type: ignore[arg-type]
            file.set_band_description(number, name)
        if colors:
            file.colorinterp = colors
    return path


def bytes_of(bands: int, side: int = 64) -> np.ndarray:
    return RNG.integers(60, 200, (bands, side, side)).astype(np.uint8)


@pytest.mark.parametrize(
    "order", [("blue", "green", "red", "nir"), ("B02", "B03", "B04", "B08"), ("nir", "r", "g", "b")]
)
def test_bands_are_colours_by_their_names(tmp_path: Path, order: tuple[str, ...]) -> None:
    values = bytes_of(4)
    found = read_hr(tiff(tmp_path / "a.tif", values, names=order, photometric="MINISBLACK"))
    wanted = [next(n for n, name in enumerate(order) if name in alike) for alike in
              (("red", "B04", "r"), ("green", "B03", "g"), ("blue", "B02", "b"))]  # fmt: skip
    np.testing.assert_array_equal(found, np.moveaxis(values[wanted], 0, -1))


def test_bands_are_colours_by_colour_interpretation(tmp_path: Path) -> None:
    values, C = bytes_of(4), ColorInterp
    path = tiff(tmp_path / "a.tif", values, colors=(C.blue, C.green, C.red, C.undefined))
    np.testing.assert_array_equal(read_hr(path), np.moveaxis(values[[2, 1, 0]], 0, -1))


def test_bands_that_nothing_names_are_refused_until_the_user_does(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", bytes_of(4).astype(np.uint16))
    with pytest.raises(ValueError, match=r"a\.tif: got bands \?, \?, \?, \?, expected to know .*data\.hr_bands"):
        read_hr(path)
    infrared = tiff(tmp_path / "b.tif", bytes_of(3), names=("nir", "red", "green"))
    with pytest.raises(ValueError, match=r"b\.tif: got bands nir, red, green"):
        read_hr(infrared)
    assert read_hr(path, bands=(3, 2, 1)).shape == (64, 64, 3)
    with pytest.raises(ValueError, match=r"data\.hr_bands \[5, 2, 1\], expected numbers from 1 to 4"):
        read_hr(path, bands=(5, 2, 1))


def test_infrared_that_gdal_calls_alpha_hides_nothing_and_a_true_alpha_does(tmp_path: Path) -> None:
    values = bytes_of(4)
    values[3, :20] = 0  # water is black in infrared
    image = read_hr(tiff(tmp_path / "nir.tif", values))
    np.testing.assert_array_equal(image, np.moveaxis(values[:3], 0, -1))
    values[3] = 255
    values[3, :20] = 0
    assert (read_hr(tiff(tmp_path / "alpha.tif", values))[:20] == 0).all()


def test_a_picture_is_the_same_in_every_format(tmp_path: Path) -> None:
    """Palettes, 16-bit colours, black and white, and gray with transparency, as Pillow shows them."""
    gray = RNG.integers(1, 255, (40, 50)).astype(np.uint8)
    palette = Image.fromarray(gray).convert("RGB").quantize(16)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_hr(tmp_path / "palette.png"), np.maximum(np.asarray(palette.convert("RGB")), 1))
    bits = Image.fromarray(gray > 128)
    bits.save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_hr(tmp_path / "bits.png")[..., 0], np.maximum((gray > 128) * 255, 1))
    Image.fromarray(np.stack([gray, (gray > 100) * np.uint8(255)], -1), "LA").save(tmp_path / "la.png")
    np.testing.assert_array_equal((read_hr(tmp_path / "la.png") == 0).all(-1), gray <= 100)
    deep = RNG.integers(100, 4000, (3, 40, 50)).astype(np.uint16)
    kind = {"driver": "PNG", "count": 3, "height": 40, "width": 50, "dtype": "uint16"}
    with warnings.catch_warnings(action="ignore"), rasterio.open(tmp_path / "deep.png", "w", **kind) as file:
        file.write(deep)  # rasterio warns that it has no place
    np.testing.assert_array_equal(read_hr(tmp_path / "deep.png"), read_hr(tiff(tmp_path / "deep.tif", deep)))


def test_inks_become_colours(tmp_path: Path) -> None:
    rgb = Image.fromarray(np.moveaxis(bytes_of(3)[:, ::8, ::8].repeat(8, 1).repeat(8, 2), 0, -1))
    rgb.convert("CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read_hr(tmp_path / "a.jpg").astype(int) - expected).max() <= 2


@pytest.mark.parametrize("pixel", [0.6, 0.77, 1.2, 3.1])
def test_parts_are_the_whole(tmp_path: Path, pixel: float) -> None:
    """At any factor, also where pixels are brought to finer ones."""
    path = tiff(tmp_path / "a.tif", bytes_of(3, 220), pixel)
    with open_image_file(path, 2.4) as image:
        whole = image.read()
        assert whole.shape[:2] == image.shape
        for top, left in ((0, 0), (7, 13), (20, 31)):
            part = image.read(slice(top, top + 17), slice(left, left + 11))
            np.testing.assert_array_equal(part, whole[top : top + 17, left : left + 11])


def test_means_are_those_of_areas(tmp_path: Path) -> None:
    values = bytes_of(3, 120)
    found = read_hr(tiff(tmp_path / "a.tif", values, 0.8 * 0.9996), 2.4)
    expected = values.reshape(3, 40, 3, 40, 3).mean(axis=(2, 4))
    assert np.abs(np.moveaxis(found, -1, 0) - expected).max() <= 0.5 + 1e-9


def test_overviews_are_not_taken_for_the_image(tmp_path: Path) -> None:
    values = bytes_of(3, 256)
    plain, other = (tiff(tmp_path / f"{name}.tif", values, 0.6, tiled=True) for name in ("plain", "other"))
    with rasterio.open(other, "r+") as file:
        file.build_overviews([2, 4], Resampling.nearest)
    np.testing.assert_array_equal(read_hr(plain, 2.4), read_hr(other, 2.4))


def test_units_of_the_coordinates_do_not_count(tmp_path: Path) -> None:
    """0.5 US survey feet and 0.1524 m are one size on the ground; so are degrees."""
    values = bytes_of(3, 512)
    feet = 1200 / 3937
    images = []
    for number, (crs, corner, pixel) in enumerate(
        [("EPSG:2263", (985_000.0, 200_000.0), 0.5), ("EPSG:32618", (583_000.0, 4_506_000.0), 0.5 * feet)]
    ):
        path = tmp_path / f"{number}.tif"
        kind = {"driver": "GTiff", "count": 3, "height": 512, "width": 512, "dtype": "uint8"}
        with rasterio.open(path, "w", **kind, crs=crs, transform=from_origin(*corner, pixel, pixel)) as file:
            file.write(values)
        with open_image_file(path, 1.0) as image:
            images.append(image.read())
    assert images[0].shape == (78, 78, 3)
    np.testing.assert_array_equal(images[0], images[1])


def test_a_size_on_the_ground_needs_a_place(tmp_path: Path) -> None:
    Image.fromarray(np.moveaxis(bytes_of(3), 0, -1)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: got data\.hr_gsd_m 2\.4 for a file that has no place on earth"):
        read_hr(tmp_path / "a.png", 2.4)


@given(st.integers(1, 60), st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_new_rows_keep_constants_and_the_mean(own: int, count: int) -> None:
    values = np.random.default_rng(own * 61 + count).random((own, 2))
    axis = _Axis(0, count, own, count)
    assert (axis.first, axis.last) == (0, own)
    np.testing.assert_allclose(axis.on(np.ones((own, 2)), 0), 1.0)
    if count <= own:
        np.testing.assert_allclose(axis.on(values, 0).mean(axis=0), values.mean(axis=0))


def test_stretch_of_a_large_image_is_that_of_its_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at a part of the pixels moves the ends of the stretch little."""
    ramp = np.broadcast_to(np.linspace(200, 3000, 512).astype(np.uint16), (3, 512, 512))
    path = tiff(tmp_path / "a.tif", ramp)
    exact = read_hr(path)
    monkeypatch.setattr("satsr.data.making.image_file.EXACT_PIXELS", 10_000)
    assert np.abs(read_hr(path).astype(int) - exact).max() <= 3
    assert all(a <= b for a, b in pairwise(exact[0, :, 0].tolist()))
