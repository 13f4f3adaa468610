"""8-bit pictures are taken as they are: Sentinel-2's TCI, and what looks like it, in any wrapping."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio import shutil as raster_shutil
from rasterio.enums import ColorInterp
from scipy import ndimage
from typer.testing import CliRunner

from satsr.cli.app import app
from satsr.scenes.apply import Block
from satsr.scenes.block_file import Block as FileBlock
from satsr.scenes.job import prepare
from satsr.scenes.products import open_product, series
from satsr.scenes.products.frames import read_values
from satsr.scenes.verify import verify
from tests.made.make_safe import Made, loose, write
from tests.scenes.test_apply import PLAIN

SIDE = 64
PLACE = Affine(10, 0, 330_000, 0, -10, 5_822_040)
NAME = "T33UUU_20200611T102101_TCI"  # as level 1C has it
RGBA = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
EXACT = {"QUALITY": 100, "REVERSIBLE": "YES", "YCBCR420": "NO"}
HOLE = (slice(0, 20), slice(10, 30))


def painted(seed: int = 0) -> NDArray[np.uint8]:
    """Return a smooth picture (3, h, w) from 1 to 255."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((3, SIDE, SIDE)), (0, 3, 3))
    return np.rint(1 + 254 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


def picture(
    path: Path,
    image: NDArray[Any] | None = None,
    *,
    colors: Sequence[ColorInterp] = (),
    names: Sequence[str] = (),
    mask: NDArray[np.bool_] | None = None,
    **profile: Any,
) -> Path:
    """Write a picture on the ground; by its ending as GeoTIFF, as JPEG 2000, or as GeoTIFF with a VRT around it."""
    image = painted() if image is None else image
    file = path.with_name("of_vrt.tif") if path.suffix == ".vrt" else path
    kind = {"driver": "JP2OpenJPEG", **EXACT} if path.suffix == ".jp2" else {"driver": "GTiff"}
    size = {"count": len(image), "height": image.shape[1], "width": image.shape[2], "dtype": image.dtype}
    how = {**kind, **size, "crs": "EPSG:32633", "transform": PLACE, **profile}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(file, "w", **how) as out:
        if colors:
            out.colorinterp = colors
        for number, name in enumerate(names, start=1):
            out.set_band_description(number, name)
        out.write(image)
        if mask is not None:
            out.write_mask(mask)
    if file != path:
        raster_shutil.copy(str(file), str(path), driver="VRT")
    return path


def seen(path: Path, **how: Any) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the frame of a picture (3, h, w), and where it shows something."""
    found = series([path], **how)
    return np.moveaxis(found.tci[0], -1, 0), found.valid[0]


@pytest.mark.parametrize("ending", ["tif", "jp2", "vrt"])
@pytest.mark.parametrize("alpha", [False, True])
def test_values_are_those_of_the_file(tmp_path: Path, ending: str, alpha: bool) -> None:
    image = painted()
    opaque = np.full((1, SIDE, SIDE), 255, np.uint8)
    stored = np.concatenate([image, opaque]) if alpha else image
    path = picture(tmp_path / f"{NAME}.{ending}", stored, colors=RGBA if alpha else ())
    found, shown = seen(path)
    np.testing.assert_array_equal(found, image)
    assert shown.all()
    product = open_product(path)
    assert (product.level, product.day, product.tile) == ("L1C", date(2020, 6, 11), "33UUU")
    values, inside = read_values(product, product.grid, ("tci",))
    np.testing.assert_allclose(np.moveaxis(values, -1, 0), image / 255, atol=1e-6)
    assert inside.all()
    assert "cloud not known; 8-bit picture" in series([path]).summary()


def test_zero_is_no_data_of_a_tci_in_any_band_and_of_others_in_all(tmp_path: Path) -> None:
    """ESA's values begin at 1; elsewhere water is black in red."""
    image = painted()
    image[:, 40:, :] = 0
    image[0][HOLE] = 0
    black, dark = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
    black[40:], dark[HOLE] = True, True
    np.testing.assert_array_equal(seen(picture(tmp_path / f"{NAME}.tif", image))[1], ~black & ~dark)
    found, shown = seen(picture(tmp_path / "lake_20200611.tif", image))
    np.testing.assert_array_equal(shown, ~black)
    assert (found[1:][:, HOLE[0], HOLE[1]] == image[1:][:, HOLE[0], HOLE[1]]).all()


@pytest.mark.parametrize("said", ["transparency", "mask", "number"])
@pytest.mark.parametrize("ending", ["tif", "vrt"])
def test_what_the_file_says_of_no_data(tmp_path: Path, said: str, ending: str) -> None:
    """Black shows the ground there, and what is hidden does not bleed into what is beside it."""
    image, shown = np.full((3, SIDE, SIDE), 80, np.uint8), np.ones((SIDE, SIDE), bool)
    image[:, 50:] = 0
    shown[HOLE] = False
    image[:, ~shown] = 200
    path = tmp_path / f"x_20200611.{ending}"
    if said == "transparency":
        picture(path, np.concatenate([image, 255 * shown[None].astype(np.uint8)]), colors=RGBA)
    else:
        picture(path, image, **({"mask": shown} if said == "mask" else {"nodata": 200}))
    found, inside = seen(path)
    np.testing.assert_array_equal(inside, shown)
    assert (found[:, :50][:, shown[:50]] == 80).all()
    turned, inside = seen(path, grid="web-mercator")  # bilinear
    assert turned[:, inside].max() == 80


def test_infrared_is_not_transparency(tmp_path: Path) -> None:
    """GDAL takes a fourth band for it; a lake is black there."""
    infrared = painted(1)[:1]
    infrared[0][HOLE] = 0
    found, shown = seen(picture(tmp_path / "x_20200611.tif", np.concatenate([painted(), infrared])))
    np.testing.assert_array_equal(found, painted())
    assert shown.all()
    notes = series([tmp_path / "x_20200611.tif"]).summary()
    assert "its transparency has many levels and is taken for a band" in notes


def test_bands_are_told_by_their_names(tmp_path: Path) -> None:
    path = picture(tmp_path / "x_20200611.tif", painted()[::-1], names=("B02", "B03", "B04"))
    np.testing.assert_array_equal(seen(path)[0], painted())


@pytest.mark.parametrize(
    ("name", "level"),
    [
        (f"{NAME}.tif", "L1C"),
        (f"{NAME}_10m.tif", "L2A"),
        ("S2A_MSIL1C_20200611T102101_N0500_R065_T33UUU_20200611T141500_TCI.tif", "L1C"),
        ("S2A_MSIL2A_20200611T102101_N0500_R065_T33UUU_20200611T141500_TCI.tif", "L2A"),
        ("2020-06-11-00:00_Sentinel-2_L1C_True_color.tiff", "unknown"),
    ],
)
def test_date_and_level_are_in_the_name(tmp_path: Path, name: str, level: str) -> None:
    product = open_product(picture(tmp_path / name))
    assert (product.day, product.level) == (date(2020, 6, 11), level)


def test_a_day_that_is_not_in_the_name_has_to_be_given(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{name}.tif") for name in ("a", "b")]
    with pytest.raises(
        ValueError, match=r"a\.tif does not say when it was taken: put it into its name, such as .*--day"
    ):
        series(paths)
    assert series(paths[:1], day=date(2020, 6, 11)).dates == (date(2020, 6, 11),)


def test_several_dates_on_the_first_ones_grid(tmp_path: Path) -> None:
    """Pictures that lie beside each other are brought together as products are."""
    first = picture(tmp_path / "2020-06-11.tif")
    moved = picture(tmp_path / "2020-06-16.tif", transform=PLACE @ Affine.translation(20, 0))
    found = series([first, moved])
    assert found.dates == (date(2020, 6, 11), date(2020, 6, 16))
    np.testing.assert_array_equal(found.tci[1, :, 20:], found.tci[0, :, :-20])
    assert found.valid[1, :, 20:].all()
    assert not found.valid[1, :, :20].any()


def test_what_satsr_data_sentinel2_wrote(tmp_path: Path) -> None:
    made = Made(bands=("B02", "B03", "B04"), cloud=np.eye(16, dtype=bool))
    given = ["data", "sentinel2", str(write(tmp_path, made)), "--output", str(tmp_path / "out")]
    CliRunner().invoke(app, given, catch_exceptions=False)
    found, expected = series([tmp_path / "out" / "2020-06-11.tif"]), series([tmp_path / f"{made.name}.SAFE"])
    np.testing.assert_array_equal(found.valid, expected.valid)
    np.testing.assert_array_equal(found.tci[found.valid], expected.tci[found.valid])


def test_clouds_of_a_file_of_ones_own_and_of_a_classification_beside(tmp_path: Path) -> None:
    cloud = np.zeros((SIDE, SIDE), np.uint8)
    cloud[HOLE] = 9
    path = picture(tmp_path / f"{NAME}_10m.tif")
    mask = picture(tmp_path / "cloud.tif", cloud[None])
    np.testing.assert_array_equal(series([path], clouds=[mask]).valid[0], cloud == 0)
    picture(tmp_path / "T33UUU_20200611T102101_SCL_10m.tif", np.where(cloud, cloud, 4).astype(np.uint8)[None])
    np.testing.assert_array_equal(series([path]).valid[0], cloud == 0)
    assert series([path], clouds="none").valid.all()


def refused(path: Path, **how: Any) -> str:
    with pytest.raises(ValueError, match=path.name) as said:
        series([path], **how)
    assert "\n" not in str(said.value)
    return str(said.value)


@pytest.mark.parametrize(
    ("image", "profile", "message"),
    [
        (painted().astype(np.uint16), {}, "holds 3 x uint16, expected a picture of red, green and blue in 8 bits"),
        (painted()[:1], {}, "holds 1 x uint8, expected a picture of red, green and blue"),
        (np.concatenate([painted(), painted()]), {}, "holds 6 x uint8, expected a picture"),
        (painted(), {"crs": None}, "has no CRS: .*write its CRS into it"),
        (painted(), {"transform": PLACE @ Affine.rotation(10)}, r"has no place with north up .*gdalwarp"),
        (painted(), {"transform": PLACE @ Affine.scale(2)}, "has pixels of 20 x 20 m, expected .* of 10 m .*-tr 10 10"),
        (painted(), {"transform": PLACE @ Affine.scale(0.25)}, "has pixels of 2.5 x 2.5 m"),
        (painted(), {"transform": PLACE @ Affine.scale(1, 2)}, "has pixels of 10 x 20 m"),
    ],
)
def test_what_is_no_picture_of_sentinel2(tmp_path: Path, image: NDArray[Any], profile: Any, message: str) -> None:
    assert re.search(message, refused(picture(tmp_path / f"{NAME}.tif", image, **profile)))


def test_pixels_are_those_on_the_ground(tmp_path: Path) -> None:
    """In Web Mercator, as the training data lie, 10 m on the map are 6 at 52 degrees; in degrees they are none."""
    y = 6_880_000.0
    wide = picture(tmp_path / "a_20200611.tif", crs="EPSG:3857", transform=Affine(16, 0, 1.4e6, 0, -16, y))
    assert seen(wide)[1].all()
    degrees = Affine(10 / 68_000, 0, 12.5, 0, -10 / 111_320, 52.5)
    assert seen(picture(tmp_path / "b_20200611.tif", crs="EPSG:4326", transform=degrees))[1].all()
    fine = picture(tmp_path / "c_20200611.tif", crs="EPSG:3857", transform=Affine(9, 0, 1.4e6, 0, -9, y))
    assert "has pixels of 5.5 x 5.48 m" in refused(fine)


def test_a_palette(tmp_path: Path) -> None:
    path = picture(tmp_path / "x_20200611.tif", painted()[:1], photometric="palette")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {n: (n, 0, 0, 255) for n in range(256)})
    assert "has a palette, expected red, green and blue: gdal_translate -expand rgb" in refused(path)


def test_a_photo(tmp_path: Path) -> None:
    (tmp_path / "x_20200611.png").write_bytes(b"")
    assert "has no place in it, expected a GeoTIFF, JPEG 2000 or VRT" in refused(tmp_path / "x_20200611.png")


def test_sixteen_bits_without_names_are_no_picture(tmp_path: Path) -> None:
    assert "expected names such as B02, B03 and B04" in refused(
        picture(tmp_path / "x_20200611.tif", painted().astype(np.uint16), photometric="rgb"), level="L2A"
    )


def test_what_does_not_go_with_a_picture(tmp_path: Path) -> None:
    path = picture(tmp_path / f"{NAME}.tif")
    assert "is a picture of red, green and blue, and b08 is asked for" in refused(path, bands=("tci", "b08"))
    assert "is a picture of red, green and blue, and b04 is asked for" in refused(path, bands=("b04",))
    assert "is a picture in 8 bits, got a baseline or an offset of counts: leave it out" in refused(path, offset=0)
    bands = loose(tmp_path / "b", Made(bands=("B02", "B03", "B04"), baseline="0300"))
    product = open_product(bands, level="L1C", offset=0)
    with pytest.raises(ValueError, match=r"got pictures beside products with their bands .*expected one kind"):
        series([path, product])
    other = picture(tmp_path / "T33UUU_20200616T102101_TCI_10m.tif")
    with pytest.raises(ValueError, match=r"is a picture of level L2A and .* one of level L1C, whose values differ"):
        series([path, other])


def test_bands_around_a_tci_go_first(tmp_path: Path) -> None:
    """What is asked for by the name of one of a product's files is the product."""
    folder = loose(tmp_path, Made(bands=("B02", "B03", "B04"), baseline="0300"))
    path = picture(folder / f"{NAME}.jp2", np.full((3, 96, 96), 9, np.uint8))
    assert not open_product(path, level="L1C", offset=0).picture


# Through the door


def test_a_picture_in_is_a_picture_out(tmp_path: Path) -> None:
    path, out = picture(tmp_path / "x_2020-06-11.tif"), tmp_path / "out.tif"
    given = ["super-resolve", str(path), "--output", str(out), "--model", "bicubic"]
    said = CliRunner().invoke(app, given, catch_exceptions=False)
    assert "x_2020-06-11.tif: used: 0% no data, cloud not known; 8-bit picture, values as they are" in said.output
    with rasterio.open(out) as file:
        assert (file.dtypes[0], file.scales[0], file.shape) == ("uint8", 1.0, (4 * SIDE, 4 * SIDE))
        fine = file.read().reshape(3, SIDE, 4, SIDE, 4).mean(axis=(2, 4))
        assert (file.dataset_mask() > 0).all()
    assert np.abs(fine - painted()).mean() < 1
    assert verify(out).passed
    record = json.loads(out.with_suffix(".json").read_text())["properties"]["satsr:record"]
    assert record["options"]["level"] == "unknown"
    assert "values as they are" in record["options"]["dates"][0]["why"]


def test_reflectance_is_that_of_the_tci_of_level_1c(tmp_path: Path) -> None:
    """A flat picture of 100 is reflectance 100 / 255 x 0.3558."""
    flat = np.full((3, SIDE, SIDE), 100, np.uint8)
    job = prepare([picture(tmp_path / f"{NAME}.tif", flat)], "bicubic", how=replace(PLAIN, kind="uint16"))
    rows, columns = job.applied.scene.rows, job.applied.scene.columns
    block = Block(rows, columns)
    whole = FileBlock(0, 0, 4 * SIDE, 4 * SIDE)
    numbers = job.numbers(whole, job.applied.make(block, job.applied.read(block)))
    assert set(np.unique(numbers).tolist()) == {round(100 / 255 * 3558)}
    assert prepare([tmp_path / f"{NAME}.tif"], "bicubic", how=PLAIN).layout.bands[0].scale == pytest.approx(
        0.3558 / 255
    )
    for name, level in (("x_20200611.tif", "unknown"), (f"{NAME}_10m.tif", "L2A")):
        path = picture(tmp_path / name, flat)
        with pytest.raises(ValueError, match=rf"got kind float32, .*pictures of level {level}, .*--kind uint8"):
            prepare([path], "bicubic", how=replace(PLAIN, kind="float32"))
    assert prepare([tmp_path / "x_20200611.tif"], "bicubic", how=replace(PLAIN, kind="uint16"), level="L1C")


def test_a_job_is_known_by_the_pixels_behind_a_vrt(tmp_path: Path) -> None:
    path = picture(tmp_path / "x_20200611.vrt")
    key = prepare([path], "bicubic", how=PLAIN).key
    assert prepare([path], "bicubic", how=PLAIN).key == key
    before = path.read_bytes()
    picture(tmp_path / "x_20200611.vrt", painted(1))
    assert path.read_bytes() == before
    assert prepare([path], "bicubic", how=PLAIN).key != key
    (tmp_path / "of_vrt.tif").unlink()
    with pytest.raises(ValueError, match=r"x_20200611\.vrt cannot be read \(.*of_vrt\.tif"):
        prepare([path], "bicubic", how=PLAIN)
