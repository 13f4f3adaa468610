"""Sentinel-2 products are found and described: folders, zips, loose bands, both levels, every baseline."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from rasterio.crs import CRS

from satsr.scenes.products import open_product
from tests.made.make_safe import Made, loose, write, zipped


@pytest.mark.parametrize("kind", ["folder", "zip", "folder around"])
def test_what_a_product_says(tmp_path: Path, kind: str) -> None:
    safe = write(tmp_path / "download", Made())
    path = {"folder": safe, "zip": zipped(safe), "folder around": safe.parent}[kind]
    product = open_product(path)
    assert (product.level, product.baseline, product.day, product.tile) == ("L1C", "05.00", date(2020, 6, 11), "33UUU")
    assert product.bands[:4] == ("b01", "b02", "b03", "b04")
    assert len(product.bands) == 13
    assert product.crs == CRS.from_epsg(32633)
    assert product.footprint == (330_000, 5_821_080, 330_960, 5_822_040)
    assert product.grid.shape == (96, 96)
    assert product.offsets["b8a"] == -1000
    assert "MSK" not in product.files["b04"]


def test_level_2a_takes_the_finest_of_a_bands_files(tmp_path: Path) -> None:
    product = open_product(write(tmp_path, Made(level="2A")))
    assert product.level == "L2A"
    assert product.files["b04"].endswith("R10m/T33UUU_20200611T102101_B04_10m.jp2")
    assert product.files["b11"].endswith("_B11_20m.jp2")
    assert "b10" not in product.files
    assert product.offsets["b02"] == -1000


@pytest.mark.parametrize(("baseline", "offset"), [("0209", 0), ("0301", 0), ("0400", -1000), ("0511", -1000)])
@pytest.mark.parametrize("level", ["1C", "2A"])
def test_offset_from_the_baseline_in_the_name(tmp_path: Path, level: str, baseline: str, offset: int) -> None:
    safe = write(tmp_path, Made(level=level, baseline=baseline, bands=("B04",)))
    (safe / f"MTD_MSIL{level}.xml").unlink()
    product = open_product(safe)
    assert set(product.offsets.values()) == {offset}
    assert product.baseline == f"{baseline[:2]}.{baseline[2:]}"
    assert product.day == date(2020, 6, 11)


def test_the_xml_goes_before_the_name(tmp_path: Path) -> None:
    product = open_product(write(tmp_path, Made(offset=-500, bands=("B04",))))
    assert product.offsets["b04"] == -500


def test_an_xml_without_a_list_of_offsets(tmp_path: Path) -> None:
    assert open_product(write(tmp_path, Made(offset=None, bands=("B04",)))).offsets["b04"] == -1000
    assert open_product(write(tmp_path, Made(baseline="0209", bands=("B04",)))).offsets["b04"] == 0


def test_offset_that_a_service_took_away(tmp_path: Path) -> None:
    assert open_product(write(tmp_path, Made(bands=("B04",))), offset=0).offsets["b04"] == 0


def test_loose_bands_of_one_date_among_others(tmp_path: Path) -> None:
    loose(tmp_path, Made(bands=("B04", "B10")))
    loose(tmp_path, Made(bands=("B04", "B08"), day="20200701"))
    product = open_product(tmp_path / "T33UUU_20200611T102101_B04.jp2", baseline="05.00")
    assert product.bands == ("b04", "b10")
    assert (product.level, product.day, product.tile) == ("L1C", date(2020, 6, 11), "33UUU")
    assert product.offsets["b04"] == -1000
    with pytest.raises(ValueError, match=r"holds several products .*give the B04 file of one"):
        open_product(tmp_path, baseline="05.00")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"level": "L1C"}, r"offset of baseline 04.00 .*offset=0"),
        ({"offset": 0}, r"its level: give its level .*--level"),
        ({"level": "L1C", "offset": 0}, r"when it was taken: give its day .*--day"),
    ],
)
def test_what_loose_bands_do_not_say_has_to_be_given(tmp_path: Path, given: dict[str, object], missing: str) -> None:
    loose(tmp_path, Made(bands=("B04",)))
    if "level" in given and "offset" in given:
        (tmp_path / "T33UUU_20200611T102101_B04.jp2").rename(tmp_path / "B04.jp2")
    with pytest.raises(ValueError, match=missing):
        open_product(tmp_path, **given)  # type: ignore[arg-type]


def test_bare_names_work_when_all_is_given(tmp_path: Path) -> None:
    loose(tmp_path, Made(bands=("B04",)))
    (tmp_path / "T33UUU_20200611T102101_B04.jp2").rename(tmp_path / "B04.jp2")
    product = open_product(tmp_path, level="L2A", offset=-1000, day=date(2022, 2, 1))
    assert (product.level, product.tile, product.day) == ("L2A", "", date(2022, 2, 1))


def test_names_of_2016(tmp_path: Path) -> None:
    """Until December 2016 names were long, and the day in the product's name was that of processing."""
    made = Made(baseline="0204", day="20160929", bands=("B02", "B03", "B04"), mask="CLOUDS")
    safe = write(tmp_path, made)
    old = tmp_path / "S2A_OPER_PRD_MSIL1C_PDMC_20161001T185902_R065_V20160929T102022_20160929T102344.SAFE"
    images = old / "GRANULE" / "S2A_OPER_MSI_L1C_TL_SGS__20161001T154211_A006640_T33UUU_N02.04" / "IMG_DATA"
    images.mkdir(parents=True)
    for file in safe.rglob("IMG_DATA/*_B*.jp2"):
        shutil.copy(file, images / f"S2A_OPER_MSI_L1C_TL_SGS__20161001T154211_A006640_T33UUU_{file.stem[-3:]}.jp2")
    shutil.copy(safe / "MTD_MSIL1C.xml", old / "S2A_OPER_MTD_SAFL1C_PDMC_20161001T185902_R065_V20160929T102022.xml")
    product = open_product(old)
    assert (product.level, product.baseline, product.day, product.tile) == ("L1C", "02.04", date(2016, 9, 29), "33UUU")
    assert product.bands == ("b02", "b03", "b04")
