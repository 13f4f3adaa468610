"""The same counts in every wrapping give the same picture; what cannot be opened is named with what to do."""

from __future__ import annotations

import itertools
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from satsr.scenes.products import Series, open_product, series
from tests.made.make_safe import Made, loose, write
from tests.scenes.products import wrappings

RGB = ("B02", "B03", "B04")
HOW: dict[str, Any] = {"level": "L2A", "offset": 0}


def made(**more: Any) -> Made:
    """A product with texture and a corner without data."""
    rng = np.random.default_rng(7)
    counts = {band: rng.integers(200, 5000, (96, 96)).astype(np.uint16) for band in (*RGB, "B08")}
    for values in counts.values():
        values[:20, :30] = 0
    return Made(level="2A", bands=(*RGB, "B08"), baseline="0300", counts=counts, **more)


@pytest.fixture
def picture(tmp_path: Path) -> Series:
    return shown(write(tmp_path / "safe", made()))


def shown(path: Path, **how: Any) -> Series:
    return series([path], bands=("tci", "b08"), clouds="none", **how)


def check_same(found: Series, picture: Series) -> None:
    np.testing.assert_array_equal(found.images, picture.images)
    np.testing.assert_array_equal(found.valid, picture.valid)
    assert (found.transform, found.crs, found.dates) == (picture.transform, picture.crs, picture.dates)


@pytest.mark.parametrize(
    "names", [("B02", "B03", "B04", "B08"), ("B2", "b3", "B4_10m", "B8"), ("blue", "Green", "red", "B08")]
)
def test_a_stack_is_told_by_the_names_of_its_bands(tmp_path: Path, picture: Series, names: tuple[str, ...]) -> None:
    path = wrappings.stack(tmp_path / "s" / "S2_T33UUU_20200611.tif", made(), names)
    check_same(shown(path, **HOW), picture)
    check_same(shown(path.parent, **HOW), picture)  # its folder, too


def test_classes_in_a_stack(tmp_path: Path) -> None:
    one = made()
    classes = np.full((96, 96), 4, np.uint16)
    classes[50:, :] = 9
    image = np.stack([*(one.clean(band) for band in one.bands), classes])
    path = wrappings.tiff(tmp_path / "S2_20200611.tif", one, image, (*one.bands, "SCL"))
    found = series([path], offset=0)
    assert found.level == "L2A"
    assert not found.valid[0, 50:].any()
    assert found.valid[0, 20:50].all()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), r"calls its 4 bands nothing, expected names such as B02, .*one file, such as S2_20200611_B04\.tif"),
        (("nir", "SR_B2", "B99", "alpha"), r"calls its 4 bands nir, SR_B2, B99, alpha, expected names"),
        (("B02", "B2", "B04", "B08"), r"two bands that are called B2, expected the bands of one date"),
    ],
)
def test_a_stack_that_is_not_named_is_refused(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    path = wrappings.stack(tmp_path / "S2_20200611.tif", made(), names)
    with pytest.raises(ValueError, match=said) as caught:
        open_product(path, **HOW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "nodata", "divided"),
    [
        *(("int16", nodata, False) for nodata in (None, -9999)),
        *itertools.product(("float32", "float64"), (None, -9999, np.nan), (False, True)),
    ],
)
def test_numbers_of_other_types(tmp_path: Path, picture: Series, kind: str, nodata: Any, divided: bool) -> None:
    folder = wrappings.loose_as(tmp_path / "l", made(), kind, nodata, divided)
    found = shown(folder, **(HOW if not divided else {"level": "L2A"}))
    check_same(found, picture)


@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_no_data_of_other_types_does_not_bleed(tmp_path: Path, kind: str) -> None:
    plain = series([loose(tmp_path / "jp2", made())], grid="web-mercator", **HOW)
    folder = wrappings.loose_as(tmp_path / "l", made(), kind, -9999.0, divided=kind == "float32")
    found = series([folder], grid="web-mercator", level="L2A", offset=0)
    np.testing.assert_array_equal(found.valid, plain.valid)
    assert np.abs(found.images.astype(int) - plain.images).max() <= 1  # counts are rounded after resampling


def test_reflectance_with_a_point_has_no_offset_unless_it_is_given(tmp_path: Path, picture: Series) -> None:
    one = made()
    for band in one.bands:
        raw = np.where(one.clean(band) > 0, one.clean(band) + 1000.0, 0) / 10_000
        wrappings.tiff(tmp_path / "raw" / f"T33UUU_20200611T102101_{band}.tif", one, raw.astype(np.float32))
    check = shown(tmp_path / "raw", level="L2A", offset=-1000)
    assert np.abs(check.images.astype(int) - picture.images).max() <= 1
    with pytest.raises(
        ValueError, match=r"baseline 05\.00, as given gives .* numbers with a point one of 0: say which"
    ):
        open_product(tmp_path / "raw", level="L2A", baseline="05.00")


def test_numbers_of_no_known_unit_are_refused(tmp_path: Path) -> None:
    one = made()
    for number, band in enumerate(one.bands):
        image = (one.clean(band) / 100).astype(np.float32)  # percent
        wrappings.tiff(tmp_path / "a" / f"20200611_{band}.tif", one, image.clip(0, 40))
        whole = one.clean(band) if number else (one.clean(band) / 10_000).astype(np.float32)
        wrappings.tiff(tmp_path / "b" / f"20200611_{band}.tif", one, whole)
        wrappings.tiff(tmp_path / "dark" / f"20200611_{band}.tif", one, image.clip(1.6, 6.5))
    with pytest.raises(ValueError, match=r"got values up to 6\.5, half of them above .*percent divided by 100"):
        open_product(tmp_path / "dark", **HOW)
    with pytest.raises(ValueError, match=r"got values up to 40, .*expected reflectance from 0 to 1 or counts"):
        open_product(tmp_path / "a", **HOW)
    with pytest.raises(ValueError, match=r"got whole numbers in b03, b04, b08 beside reflectance"):
        open_product(tmp_path / "b", **HOW)


@pytest.mark.parametrize("kind", ["folder", "zip", "one band"])
def test_theia(tmp_path: Path, picture: Series, kind: str) -> None:
    folder = wrappings.theia(tmp_path / "t", made())
    path = folder
    if kind == "zip":
        path = Path(shutil.make_archive(str(tmp_path / folder.name), "zip", folder.parent, folder.name))
    elif kind == "one band":
        path = folder / f"{folder.name}_FRE_B4.tif"
    product = open_product(path)
    assert (product.level, product.day, product.tile) == ("L2A", date(2020, 6, 11), "33UUU")
    assert product.taken == "20200611T1021"
    assert all("_FRE_" in name for name in product.files.values())
    check_same(shown(path), picture)


def test_theia_without_slopes_with_clouds_and_with_counts_of_0(tmp_path: Path) -> None:
    clouds = np.zeros((96, 96), np.uint8)
    clouds[60:] = 64
    one = Made(counts={band: np.full((96, 96), 1779, np.uint16) for band in RGB}, bands=RGB)
    found = series([wrappings.theia(tmp_path, one, clouds)])
    assert found.valid[0, :60].all()
    assert not found.valid[0, 60:].any()
    bare = wrappings.theia(tmp_path / "bare", one, slopes=False)
    assert set(np.unique(series([bare]).tci).tolist()) == {1}  # SRE
    dark = wrappings.tiff(bare / f"{bare.name}_SRE_B4.tif", one, np.zeros((96, 96), np.int16), nodata=-10_000)
    assert dark.is_file()
    assert series([bare]).valid.all()  # 0 is dark ground there


def test_tiles_of_theia_have_minutes_of_their_own(tmp_path: Path) -> None:
    one = Made(counts={band: np.full((96, 96), 1779, np.uint16) for band in RGB}, bands=RGB)
    first = wrappings.theia(tmp_path / "a", one)
    other = wrappings.theia(tmp_path / "b", one)
    other = other.rename(other.with_name(other.name.replace("102101", "102205")))
    for file in sorted(other.iterdir()):
        file.rename(file.with_name(file.name.replace("102101", "102205")))
    assert len(series([first, other]).dates) == 1


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", ["folder", "folder around", "zip", "zip of the folder"])
def test_eopf_zarr(tmp_path: Path, picture: Series, kind: str, deep: bool) -> None:
    store = wrappings.eopf(tmp_path / "z", made(), deep=deep)
    path = {"folder": store, "folder around": store.parent}.get(kind)
    path = path or wrappings.zipped_store(store, inside=kind == "zip of the folder")
    product = open_product(path)
    assert (product.level, product.baseline, product.day, product.tile) == (
        "L2A",
        "05.11",
        date(2020, 6, 11),
        "33UUU",
    )
    assert product.offsets["b04"] == pytest.approx(-1000)
    found = shown(path)
    np.testing.assert_array_equal(found.valid, picture.valid)
    assert np.abs(found.images.astype(int) - picture.images).max() <= 1  # -0.1 / 0.0001 is not quite -1,000
    assert (found.images == picture.images).mean() > 0.999
    assert (found.transform, found.crs) == (picture.transform, picture.crs)


def test_classes_and_coarse_bands_of_eopf(tmp_path: Path) -> None:
    classes = np.full((48, 48), 4, np.uint8)
    classes[30:, :] = 9
    one = Made(level="2A", bands=(*RGB, "B11"), baseline="0300")
    found = series([wrappings.eopf(tmp_path, one, classes)], bands=("tci", "b11"))
    plain = series([write(tmp_path, one)], bands=("tci", "b11"))
    assert found.valid[0, :60].all()
    assert not found.valid[0, 60:].any()
    assert np.abs(found.images.astype(int) - plain.images).max() <= 1


def test_a_damaged_or_foreign_zarr_is_named(tmp_path: Path) -> None:
    store = wrappings.eopf(tmp_path, made())
    chunk = store / "measurements" / "reflectance" / "r10m" / "b04" / "0.0"
    chunk.write_bytes(chunk.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"r10m/b04 cannot be read .*download this EOPF Zarr product again") as caught:
        shown(store)
    assert "\n" not in str(caught.value)
    (store / "measurements").rename(store / "else")
    with pytest.raises(ValueError, match=r"is Zarr, but no EOPF product .*take the \.SAFE"):
        open_product(store)


def tiles() -> list[Made]:
    flat: dict[str, NDArray[np.uint16]] = {band: np.full((96, 96), 1779, np.uint16) for band in RGB}
    how: dict[str, Any] = {"day": "20151231", "baseline": "0204", "bands": RGB, "counts": flat}
    return [Made(**how), Made(tile="33UVU", corner=(330_960.0, 5_822_040.0), **how)]


@pytest.mark.parametrize("with_xml", [True, False])
def test_a_product_of_several_tiles_is_opened_tile_by_tile(tmp_path: Path, with_xml: bool) -> None:
    old = wrappings.of_2016(tmp_path, tiles())
    if not with_xml:
        next(old.glob("*.xml")).unlink()
    with pytest.raises(
        ValueError, match=r"holds 2 tiles \(33UUU, 33UVU\), expected one: give the folders .*/GRANULE/S2A"
    ):
        open_product(old)
    granules = sorted((old / "GRANULE").iterdir())
    product = open_product(granules[1])
    assert (product.day, product.taken, product.tile) == (date(2015, 12, 31), "20151231T1021", "33UVU")
    assert (product.level, product.baseline, product.offsets["b04"]) == ("L1C", "02.04", 0)
    found = series(granules, (330_000, 5_821_080, 331_920, 5_822_040), bounds_crs="EPSG:32633")
    assert found.images.shape == (1, 96, 192, 3)  # one pass, both tiles
    assert found.valid.all()


def test_the_day_of_sensing_not_that_of_processing(tmp_path: Path) -> None:
    old = wrappings.of_2016(tmp_path, tiles()[:1])
    next(old.glob("*.xml")).unlink()
    product = open_product(old)
    assert (product.day, product.taken) == (date(2015, 12, 31), "20151231T1021")


@pytest.mark.parametrize(("kind", "nodata"), [("float32", np.nan), ("uint16", 65535), ("int16", -9999)])
def test_zero_shows_the_ground_where_the_file_declares_another_value(tmp_path: Path, kind: str, nodata: float) -> None:
    """Water, or clipped reflectance, is 0 in one band; what is declared is no data."""
    values = np.full((3, 96, 96), 0.05 if kind == "float32" else 500, kind)
    values[2, :, :10] = 0
    values[:, :5] = nodata
    place = {"crs": "EPSG:32633", "transform": from_origin(3e5, 5e6, 10, 10)}
    shape = {"driver": "GTiff", "count": 3, "height": 96, "width": 96, "dtype": kind, "nodata": nodata}
    with rasterio.open(tmp_path / "S2A_20220611_x.tif", "w", **shape, **place) as file:
        file.write(values)
        for number, name in enumerate(("B02", "B03", "B04"), 1):
            file.set_band_description(number, name)
    found = series([tmp_path / "S2A_20220611_x.tif"], level="L2A", offset=0)
    assert found.valid[0, 5:].all()
    assert not found.valid[0, :5].any()
    assert found.images[0, 50, 3].tolist() == [1, 36, 36]
