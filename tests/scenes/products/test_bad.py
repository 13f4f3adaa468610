"""What is wrong with a product is said in one line that names the file and the remedy."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from satsr.scenes.products import open_product, series
from tests.made.make_safe import Made, loose, write, zipped
from tests.scenes.products.wrappings import loose_as

SMALL = Made(bands=("B02", "B03", "B04"))


def band_file(safe: Path, band: str) -> Path:
    (file,) = safe.rglob(f"IMG_DATA/*_{band}.jp2")
    return file


def rewrite(file: Path, **changes: object) -> None:
    with rasterio.open(file) as source:
        profile, image = source.profile, source.read()
    image = np.asarray(changes.pop("image", image))
    profile.update(count=len(image), height=image.shape[1], width=image.shape[2], dtype=image.dtype, **changes)
    with rasterio.open(file, "w", **profile, QUALITY=100, REVERSIBLE="YES") as out:
        out.write(image)


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.6])
@pytest.mark.parametrize("is_zip", [False, True])
def test_truncated_jp2(tmp_path: Path, kept: float, is_zip: bool) -> None:
    safe = write(tmp_path, SMALL)
    file = band_file(safe, "B03")
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match=r"_B03\.jp2 cannot be read \(.*\): download it again") as caught:
        series([zipped(safe) if is_zip else safe])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_truncated_tif(tmp_path: Path, kept: float) -> None:
    folder = loose_as(tmp_path, SMALL, "uint16")
    (file,) = folder.glob("*_B03.tif")
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    for grid in ("own", "web-mercator"):  # where bands are read together, the right one is named
        with pytest.raises(ValueError, match=r"_B03\.tif cannot be read \(.*\): download it again") as caught:
            series([folder], level="L1C", offset=0, grid=grid)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["band", "mask"])
def test_a_zip_with_damaged_bytes_is_told_by_its_checksum(tmp_path: Path, kind: str) -> None:
    """GDAL would read other pixels without a word."""
    path = zipped(write(tmp_path, SMALL))
    wanted = "_B03.jp2" if kind == "band" else "MSK_CLASSI_B00.jp2"
    with zipfile.ZipFile(path) as archive:
        members = {i.filename: archive.read(i) for i in archive.infolist()}
    stored = tmp_path / "stored.zip"
    with zipfile.ZipFile(stored, "w") as archive:  # without compression of its own
        for name, content in members.items():
            archive.writestr(name, content)
        (member,) = (i for i in archive.infolist() if i.filename.endswith(wanted))
        start = member.header_offset + 30 + len(member.filename)
    data = bytearray(stored.read_bytes())
    data[start + member.file_size - 30] ^= 0xFF
    stored.write_bytes(bytes(data))
    with pytest.raises(
        ValueError, match=rf"{wanted} cannot be read \(Bad CRC-32 .*\): download the zip again"
    ) as caught:
        series([stored])
    assert "\n" not in str(caught.value)
    if kind == "band":  # what is not used is not read
        assert series([stored], bands=("b04",)).valid.all()


def test_missing_band_lists_what_is_there(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=("B02", "B03")))
    with pytest.raises(
        ValueError, match=r"\.SAFE has no b04 \(it has b02, b03, tci\): get that file, or ask for others"
    ):
        series([safe])
    with pytest.raises(ValueError, match="has no b99"):
        series([safe], bands=("b99",))


def test_bands_in_two_crs(tmp_path: Path) -> None:
    safe = write(tmp_path, SMALL)
    rewrite(band_file(safe, "B02"), crs="EPSG:32634")
    with pytest.raises(ValueError, match=r"is in EPSG:32633, but .*_B02\.jp2 in EPSG:32634: keep only"):
        open_product(safe)


@pytest.mark.parametrize("change", ["shape", "place"])
def test_bands_of_different_ground(tmp_path: Path, change: str) -> None:
    safe = write(tmp_path, SMALL)
    if change == "shape":
        rewrite(band_file(safe, "B04"), image=np.ones((1, 90, 96), np.uint16))
    else:
        rewrite(band_file(safe, "B04"), transform=Affine(10, 0, 330_100, 0, -10, 5_822_040))
    with pytest.raises(ValueError, match=r"_B04\.jp2 \(9. x 96 px of 10 m\) covers other ground than .*keep only"):
        open_product(safe)


def test_a_band_of_another_type(tmp_path: Path) -> None:
    safe = write(tmp_path, SMALL)
    rewrite(band_file(safe, "B04"), image=np.ones((1, 96, 96), np.uint8))
    with pytest.raises(ValueError, match=r"_B04\.jp2 holds 1 x uint8, expected 1 x uint16"):
        open_product(safe)


def test_a_band_without_a_place(tmp_path: Path) -> None:
    size = {"driver": "GTiff", "count": 1, "height": 8, "width": 8, "dtype": "uint16"}
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "T33UUU_20200611T102101_B04.tif", "w", **size) as out,
    ):
        out.write(np.ones((1, 8, 8), np.uint16))
    with pytest.raises(ValueError, match=r"_B04\.tif has no CRS"):
        open_product(tmp_path, level="L1C", offset=0)


@pytest.mark.parametrize("member", ["../evil_B04.jp2", "/etc/evil_B04.jp2", "a/../../evil_B04.jp2", "C:\\evil_B04.jp2"])
def test_a_zip_that_climbs_out(tmp_path: Path, member: str) -> None:
    path = zipped(write(tmp_path, SMALL))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, b"x")
    with pytest.raises(ValueError, match=r"\.zip has a member outside its folder \(.*evil.*\): do not use this zip"):
        open_product(path)
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_zip_that_is_no_product(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("holiday.txt", "sun")
    with pytest.raises(ValueError, match=r"photos\.zip is no Sentinel-2 product: expected files such as \*_B04\.jp2"):
        open_product(tmp_path / "photos.zip")


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = zipped(write(tmp_path, SMALL))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(
        ValueError, match=r"\.zip is neither a readable zip nor a band file .*download the product again"
    ):
        open_product(path)


def test_two_products_in_one_place(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    write(tmp_path, Made(bands=("B04",), day="20200701"))
    with pytest.raises(ValueError, match=r"holds 2 products, expected one: give S2A_MSIL1C_20200611"):
        open_product(tmp_path)
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("A.SAFE/T33UUU_20200611T102101_B04.jp2", "B.SAFE/T33UUU_20200612T102101_B04.jp2"):
            archive.writestr(name, b"")
    with pytest.raises(ValueError, match=r"both\.zip holds 2 products"):
        open_product(path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.SAFE is missing: expected a \.SAFE folder"):
        open_product(tmp_path / "gone.SAFE")
    with pytest.raises(ValueError, match="is no Sentinel-2 product"):
        open_product(tmp_path)


def test_damaged_xml(tmp_path: Path) -> None:
    safe = write(tmp_path, SMALL)
    xml = safe / "MTD_MSIL1C.xml"
    xml.write_text(xml.read_text()[:300])
    with pytest.raises(ValueError, match=r"MTD_MSIL1C\.xml cannot be read .*download it again"):
        open_product(safe)


def test_damaged_outlines(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=SMALL.bands, mask="CLOUDS", baseline="0209"))
    (outlines,) = safe.rglob("*.gml")
    outlines.write_text("<eop:Mask")
    with pytest.raises(ValueError, match=r"MSK_CLOUDS_B00\.gml cannot be read"):
        series([safe])


def test_levels_are_not_mixed(tmp_path: Path) -> None:
    paths = [write(tmp_path, Made(level=level, bands=SMALL.bands)) for level in ("1C", "2A")]
    with pytest.raises(ValueError, match=r"MSIL2A.* is L2A and .*MSIL1C.* L1C: use products of one level"):
        series(paths)


def test_a_product_given_twice(tmp_path: Path) -> None:
    safe = write(tmp_path, SMALL)
    with pytest.raises(ValueError, match=r"\.SAFE is given 2 times: give each product once"):
        series([safe, safe])


def test_no_overlap_with_the_bounds(tmp_path: Path) -> None:
    safe = write(tmp_path, SMALL)
    with pytest.raises(
        ValueError, match=r"\.SAFE does not overlap the bounds \(2.0, 48.0, 2.1, 48.1\): give bounds inside"
    ):
        series([safe], (2.0, 48.0, 2.1, 48.1))
    with pytest.raises(ValueError, match="expected left < right"):
        series([safe], (2.0, 48.0, 1.0, 48.1))
    with pytest.raises(ValueError, match="got bounds_crs 'EPSG:none'"):
        series([safe], (2.0, 48.0, 2.1, 48.1), bounds_crs="EPSG:none")


def test_no_date_shows_the_ground(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=SMALL.bands, cloud=np.ones((16, 16), bool)))
    with pytest.raises(
        ValueError, match=r"no date can be used \(S2A.*: shows nothing .*100% cloud\): give other dates"
    ):
        series([safe])
    assert series([safe], clouds="none").images.min() > 0


def test_a_mask_from_elsewhere(tmp_path: Path) -> None:
    safe, other = (write(tmp_path / name, SMALL) for name in ("a", "b"))
    mask = tmp_path / "mask.jp2"
    shutil.copy(band_file(other, "B04"), mask)
    rewrite(mask, transform=Affine(10, 0, 800_000, 0, -10, 5_822_040))
    with pytest.raises(ValueError, match=r"mask\.jp2 does not overlap"):
        series([safe], clouds=[mask])
    with pytest.raises(FileNotFoundError, match=r"none\.tif is missing"):
        series([safe], clouds=[tmp_path / "none.tif"])
    with pytest.raises(ValueError, match="1 mask files, one for each product"):
        series([safe], clouds=[mask, mask])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bounds": (0, 0, 1, 1), "window": (0, 0, 8, 8)}, "got bounds and a window"),
        ({"window": (90, 0, 8, 8)}, r"window \(90, 0, 8, 8\).*leaves its 96 x 96 px"),
        ({"window": (0, -1, 8, 8)}, "leaves its 96 x 96 px"),
        ({"window": (0.5, 0, 8, 8)}, "expected whole numbers"),
        ({"window": (float("nan"), 0, 8, 8)}, "expected whole numbers"),
        ({"bounds": (float("nan"), 0, 8, 8)}, "expected finite numbers"),
        ({"bounds": (float("-inf"), 0, 8, 8)}, "expected finite numbers"),
        ({"grid": "utm"}, "got grid 'utm', expected own, web-mercator or a Grid"),
        ({"bands": ()}, "got no bands"),
        ({"level": "L3"}, "got level 'L3', expected one of L1C, L2A"),
    ],
)
def test_arguments(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        series([write(tmp_path, SMALL)], **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got no products"):
        series([])


def test_loose_bands_of_two_levels_are_not_guessed(tmp_path: Path) -> None:
    loose(tmp_path, Made(bands=("B04", "B03", "B02")))
    with pytest.raises(ValueError, match="does not say its level"):
        series([tmp_path], offset=0)
