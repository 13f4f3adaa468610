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
from rasterio.transform import Affine, from_origin

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


@pytest.mark.parametrize(
    "names",
    [("Band 1", "Band 2", "Band 3"), ("SR_B4", "SR_B3", "SR_B2"), ("Band 4 (Red)", "Band 3 (Green)", "Band 2 (Blue)")],
)
def test_words_that_name_no_colour_leave_it_to_the_interpretation(tmp_path: Path, names: tuple[str, ...]) -> None:
    values = bytes_of(3)
    path = tiff(tmp_path / "a.tif", values, names=names, photometric="RGB")
    np.testing.assert_array_equal(read_hr(path), np.moveaxis(values, 0, -1))


@pytest.mark.parametrize("count", [4, 8])
def test_numbers_that_other_sensors_have_too_are_not_taken_for_sentinel_2(tmp_path: Path, count: int) -> None:
    """Band 4 is near infrared of PlanetScope and Landsat 7, and yellow of WorldView-2."""
    names = tuple(f"B{number}" for number in range(1, count + 1))
    with pytest.raises(ValueError, match=r"got bands b1, b2, b3, b4.*hr_bands"):
        read_hr(tiff(tmp_path / "a.tif", bytes_of(count), names=names, photometric="MINISBLACK"))
    values = bytes_of(4)
    own = tiff(tmp_path / "b.tif", values, names=("B2", "B3", "B4", "B8"), photometric="MINISBLACK")
    np.testing.assert_array_equal(read_hr(own), np.moveaxis(values[[2, 1, 0]], 0, -1))


def test_white_is_white_of_few_bits_and_of_negatives(tmp_path: Path) -> None:
    for bits in (2, 4):
        path = tiff(tmp_path / f"{bits}.tif", np.full((1, 32, 32), 2**bits - 1, np.uint8), nbits=bits)
        assert (read_hr(path) == 255).all()
    path = tiff(tmp_path / "negative.tif", np.full((1, 32, 32), 200, np.uint8), photometric="MINISWHITE")
    with Image.open(path) as image:
        assert (read_hr(path) == np.asarray(image.convert("L"))[0, 0]).all()


def test_a_saturated_band_is_no_missing_data(tmp_path: Path) -> None:
    """A PNG's transparent colour is one where all three bands have it; a red roof is not."""
    pixels = np.full((64, 64, 3), 100, np.uint8)
    pixels[:, :16] = 255
    pixels[10, 20] = (255, 90, 80)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=(255, 255, 255))
    image = read_hr(tmp_path / "a.png")
    assert image[10, 20].tolist() == [255, 90, 80]
    assert (image[:, :16] == 0).all()


@pytest.mark.parametrize(("kind", "opaque"), [(np.uint8, 1), (np.uint16, 255), (np.uint16, 65535)])
def test_transparency_has_two_levels_whatever_they_are(tmp_path: Path, kind: type, opaque: int) -> None:
    values = np.stack([*bytes_of(3).astype(kind), np.full((64, 64), opaque, kind)])
    values[3, :20] = 0
    path = tiff(tmp_path / "a.tif", values, photometric="RGB", alpha="YES")
    image = read_hr(path)
    assert (image[:20] == 0).all()
    assert (image[20:] > 0).any(axis=-1).all()


def test_rows_from_south_to_north_are_turned(tmp_path: Path) -> None:
    values = bytes_of(3, 100)
    north = tiff(tmp_path / "north.tif", values, 0.9)
    kind = {"driver": "GTiff", "count": 3, "height": 100, "width": 100, "dtype": "uint8", "crs": "EPSG:32633"}
    bottom_up = Affine(0.9, 0, 500_000, 0, 0.9, 5_800_000 - 90)
    with rasterio.open(tmp_path / "south.tif", "w", **kind, transform=bottom_up) as file:
        file.write(values[:, ::-1])
    for gsd_m in (0.0, 2.4):
        with open_image_file(north, gsd_m) as one, open_image_file(tmp_path / "south.tif", gsd_m) as other:
            np.testing.assert_array_equal(one.read(), other.read())
            np.testing.assert_array_equal(one.read(slice(3, 11)), other.read(slice(3, 11)))
            assert one.corner_m(7, 5) == pytest.approx(other.corner_m(7, 5), abs=1e-3)
            assert other.turned
            assert "turned" in other.notes[0]


def test_a_local_system_of_coordinates_is_no_place_on_earth(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", bytes_of(3), crs='LOCAL_CS["unnamed",UNIT["metre",1]]', photometric="RGB")
    assert read_hr(path).shape == (64, 64, 3)
    with pytest.raises(ValueError, match="has no place on earth"):
        read_hr(path, 2.4)
