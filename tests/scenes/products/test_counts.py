"""What counts mean: every piece of evidence by itself, their order, and what contradicts itself."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from satsr.scenes.products.sentinel2 import open_product
from satsr.scenes.products.series import series
from tests.made.make_safe import Made, write

RGB = ("B02", "B03", "B04")
CLEAN = 1779  # counts of reflectance 0.1779: half of the true-colour image's white
FLAT: dict[str, Any] = {"bands": RGB, "counts": {band: np.full((96, 96), CLEAN, np.uint16) for band in RGB}}
HALF = (127, 128)


def tiffs(folder: Path, counts: int, scale: float = 1.0, offset: float = 0.0, name: str = "L_20220611_") -> Path:
    """Write bands as loose GeoTIFFs, as catalogues and services deliver them."""
    folder.mkdir(parents=True)
    kind = {"driver": "GTiff", "height": 96, "width": 96, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    for band in RGB:
        with rasterio.open(folder / f"{name}{band}.tif", "w", **kind, transform=from_origin(3e5, 5e6, 10, 10)) as file:
            file.write(np.full((1, 96, 96), counts, np.uint16))
            file.scales, file.offsets = [scale], [offset]
    return folder


def shown(path: Path, **how: Any) -> set[int]:
    return set(np.unique(series([path], **how).tci).tolist())


def test_a_home_made_level_2a_is_asked_about_and_the_user_is_believed(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(level="2A", baseline="9999", offset=None, **FLAT))
    with pytest.raises(ValueError, match=r"is of baseline 99\.99, .*offset of baseline 04\.00 .*--offset"):
        open_product(safe)
    assert shown(safe, baseline="02.06") <= set(HALF)
    assert shown(safe, offset=0) <= set(HALF)


def test_its_own_list_of_offsets_is_believed(tmp_path: Path) -> None:
    for baseline in ("0400", "9999"):
        safe = write(tmp_path / baseline, Made(level="2A", baseline=baseline, offset=-1000, **FLAT))
        assert shown(safe) <= set(HALF)


def test_scale_and_offset_in_files_are_believed(tmp_path: Path) -> None:
    assert shown(tiffs(tmp_path / "plus", CLEAN + 1000, 1e-4, -0.1), level="L1C") <= set(HALF)
    assert shown(tiffs(tmp_path / "none", CLEAN, 1e-4), level="L1C") <= set(HALF)
    assert shown(tiffs(tmp_path / "fine", 10 * CLEAN, 1e-5), level="L1C") <= set(HALF)
    with pytest.raises(ValueError, match="whether its counts have the offset"):
        open_product(tiffs(tmp_path / "silent", CLEAN), level="L1C")
    assert shown(tiffs(tmp_path / "HARMONIZED", CLEAN), level="L1C") <= set(HALF)


@pytest.mark.parametrize(
    ("item", "counts"),
    [
        ({"properties": {"earthsearch:boa_offset_applied": True}}, CLEAN),
        ({"properties": {}, "assets": {"red": {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]}}}, CLEAN + 1000),
        ({"properties": {}, "assets": {"red": {"raster:bands": [{"scale": 1e-4, "offset": 0}]}}}, CLEAN),
    ],
)
def test_a_stac_item_is_believed_before_the_name(tmp_path: Path, item: dict[str, Any], counts: int) -> None:
    folder = tiffs(tmp_path / "S2B_33UUU_20220611_0_L2A", counts, name="")
    (folder / "item.json").write_text(json.dumps({"type": "Feature", **item}))
    (folder / "other.json").write_text(json.dumps({"type": "FeatureCollection"}))
    assert shown(folder, level="L2A") <= set(HALF)
    assert open_product(folder, level="L2A").day == date(2022, 6, 11)


def test_what_contradicts_itself_is_refused_with_both(tmp_path: Path) -> None:
    tagged = tiffs(tmp_path / "tagged", CLEAN, 1e-4)
    with pytest.raises(
        ValueError, match=r"baseline 05\.00, as given gives b0. an offset of -1000, scale and offset in"
    ):
        open_product(tagged, level="L2A", baseline="05.00")
    safe = write(tmp_path, Made(level="2A", baseline="0510", **FLAT))
    with pytest.raises(ValueError, match=r"baseline 02\.06, as given .* offset of 0, the list of offsets in its XML"):
        open_product(safe, baseline="02.06")
    assert open_product(safe, offset=0).offsets["b04"] == 0  # the user has the last word


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (">10000<", ">nan<", "a quantification or an offset that cannot be"),
        (">10000<", ">-1<", "a quantification or an offset that cannot be"),
        (">10000<", ">0<", "a quantification or an offset that cannot be"),
        (">10000<", ">1e308<", r"MTD_MSIL1C\.xml cannot be read \(.* got a quantification of 1e\+308\)"),
        (">-1000<", ">inf<", "a quantification or an offset that cannot be"),
        (">-1000<", ">1e300<", r"MTD_MSIL1C\.xml cannot be read \(.* got an offset of 1e\+300\)"),
        ('<RADIO_ADD_OFFSET band_id="3">-1000</RADIO_ADD_OFFSET>', "", "its XML gives no offset for b04"),
    ],
)
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    safe = write(tmp_path, Made(**FLAT))
    path = safe / "MTD_MSIL1C.xml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=said):
        open_product(safe)


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0), (1e-4, 1e9), (1e-4, float("inf"))])
def test_scale_and_offset_of_files_and_items_that_cannot_be(tmp_path: Path, scale: float, offset: float) -> None:
    if math.isfinite(offset):
        with pytest.raises(ValueError, match=r"scale and offset in its files gives .* that cannot be"):
            open_product(tiffs(tmp_path / "files", CLEAN, scale, offset), level="L1C")
    folder = tiffs(tmp_path / "L_20220611", CLEAN, name="")
    item = {"properties": {}, "assets": {"red": {"raster:bands": [{"scale": scale, "offset": offset}]}}}
    (folder / "item.json").write_text(json.dumps({"type": "Feature", **item}))
    with pytest.raises(ValueError, match=r"item\.json gives .* that cannot be"):
        open_product(folder, level="L2A")


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), 1e6])
def test_an_offset_that_is_no_number_is_refused(tmp_path: Path, offset: float) -> None:
    with pytest.raises(ValueError, match="expected a number of counts"):
        open_product(write(tmp_path, Made(**FLAT)), offset=offset)


def test_what_a_mac_leaves_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    import zipfile

    from tests.made.make_safe import zipped

    path = zipped(write(tmp_path, Made(**FLAT)))
    with zipfile.ZipFile(path, "a") as archive:
        for name in archive.namelist():
            archive.writestr(f"__MACOSX/{name.rsplit('/', 1)[0]}/._{name.rsplit('/', 1)[1]}", bytes(99))
    assert shown(path) <= set(HALF)


@pytest.mark.parametrize(
    ("name", "taken_away"),
    [("HARMONIZED", True), ("S2_L2A_harmonised", True), ("S2_SR_unharmonized", False), ("not_harmonized", False)],
)
def test_a_name_says_that_the_offset_was_taken_away_in_words(tmp_path: Path, name: str, taken_away: bool) -> None:
    inner = tmp_path / name / "S2B_MSIL2A_20220611T102101_N0509_R065_T33UUU_20220611T141500"
    assert shown(tiffs(inner, CLEAN if taken_away else CLEAN + 1000, name="T33UUU_20220611T102101_")) <= set(HALF)


@pytest.mark.parametrize("form", ["raster:bands", "bands", "eo:bands"])
def test_a_stac_item_says_it_of_its_bands_alone(tmp_path: Path, form: str) -> None:
    """STAC 1.0 and 1.1, assets by colour or by number; aerosol and water vapour have scales of their own."""
    folder = tiffs(
        tmp_path / "S2B_MSIL2A_20220611T102101_N0509_R065_T33UUU_20220611T141500", CLEAN, name="T33UUU_20220611T102101_"
    )
    said: dict[str, Any] = {
        "raster:bands": {"raster:bands": [{"scale": 1e-4, "offset": 0}]},
        "bands": {"bands": [{"name": "B04", "raster:scale": 1e-4, "raster:offset": 0}]},
        "eo:bands": {"eo:bands": [{"name": "B04"}], "raster:scale": 1e-4, "raster:offset": 0},
    }[form]
    assets = {"asset-1" if form != "raster:bands" else "red": said, "aot": {"raster:bands": [{"scale": 1e-3}]}}
    item = {"type": "Feature", "properties": {}, "assets": assets}
    (folder / "item.json").write_text(json.dumps(item))
    assert shown(folder) <= set(HALF)
