"""Clouds, and which dates are used: one rule, with its reasons."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from satsr.scenes.products import DateInfo, choose_dates, series
from tests.made.make_safe import Made, write, zipped


def cloud(rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros((16, 16), bool)
    mask[rows, columns] = True
    return mask


CORNER = cloud(slice(0, 4), slice(0, 8))  # the north-west: 24 x 48 pixels of 10 m


@pytest.mark.parametrize(("level", "mask"), [("2A", ""), ("1C", "CLASSI"), ("1C", "CLOUDS")])
@pytest.mark.parametrize("is_zip", [False, True])
def test_every_kind_of_mask(tmp_path: Path, level: str, mask: str, is_zip: bool) -> None:
    safe = write(tmp_path, Made(level=level, mask=mask, cloud=CORNER))
    found = series([zipped(safe) if is_zip else safe])
    expected = np.ones((96, 96), bool)
    expected[:24, :48] = False
    np.testing.assert_array_equal(found.valid[0], expected)
    assert found.images.min() > 0  # what the satellite saw stays
    assert "12% cloud" in found.used[0].reason


def test_snow_is_no_cloud_and_no_outlines_are_no_cloud(tmp_path: Path) -> None:
    for mask in ("CLASSI", "CLOUDS"):
        found = series([write(tmp_path / mask, Made(mask=mask))])
        assert found.valid.all()
        assert "0% cloud" in found.used[0].reason


def test_outlines_follow_to_another_grid(tmp_path: Path) -> None:
    same = [
        series([write(tmp_path / m, Made(mask=m, cloud=CORNER))], grid="web-mercator").valid
        for m in ("CLASSI", "CLOUDS")
    ]
    assert (same[0] == same[1]).mean() > 0.99
    assert 0 < same[0].mean() < 1


@pytest.mark.parametrize(("number", "hidden"), [(0, True), (1, False), (3, True), (7, False), (8, True), (10, True)])
def test_classes_of_level_2a(tmp_path: Path, number: int, hidden: bool) -> None:
    safe = write(tmp_path, Made(level="2A"))
    (file,) = safe.rglob("*_SCL_20m.jp2")
    with rasterio.open(file) as source:
        profile, classes = source.profile, source.read()
    classes[0, 10, 20] = number
    with rasterio.open(file, "w", **{**profile, "QUALITY": 100, "REVERSIBLE": "YES"}) as out:
        out.write(classes)
    valid = series([safe]).valid[0]
    assert valid[20:22, 40:42].any() != hidden
    assert valid.sum() == 96 * 96 - 4 * hidden


@pytest.mark.parametrize("band", ["B02", "B03", "B04", "B08"])
def test_a_rim_where_one_used_band_is_empty_is_no_ground(tmp_path: Path, band: str) -> None:
    """So does SCL's class 1, saturated or defective: what is defective has no counts, what is saturated shows."""
    counts = {b: np.full((96, 96), 1779, np.uint16) for b in ("B02", "B03", "B04", "B08")}
    counts[band][:, :40] = 0
    rim = write(tmp_path, Made(counts=counts, bands=tuple(counts), day="20200611"))
    whole = write(tmp_path, Made(bands=tuple(counts), day="20200601"))
    found = series([rim, whole], bands=("b08", "tci"))
    assert not found.valid[1, :, :40].any()
    assert found.valid[1, :, 40:].all()
    assert "42% no data" in found.used[1].reason
    best = series([rim, whole], bands=("b08", "tci"), dates=1)  # a date is ranked by all of its bands
    assert best.dates == (date(2020, 6, 1),)
    assert series([rim], bands=("b08",)).valid.all() == (band != "B08")


def test_a_rim_in_the_products_own_true_colour(tmp_path: Path) -> None:
    safe = write(tmp_path, Made(bands=("B02", "B03", "B04")))
    (file,) = safe.rglob("*_TCI.jp2")
    with rasterio.open(file) as source:
        profile, image = source.profile, source.read()
    image[1, :, :40] = 0
    with rasterio.open(file, "w", **{**profile, "QUALITY": 100, "REVERSIBLE": "YES", "YCBCR420": "NO"}) as out:
        out.write(image)
    found = series([safe], tci="product")
    assert not found.valid[0, :, :40].any()
    assert found.valid[0, :, 40:].all()


def test_a_given_mask(tmp_path: Path) -> None:
    mask = tmp_path / "clouds.tif"
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, :, 24:] = 1
    size = {"driver": "GTiff", "count": 1, "height": 48, "width": 48, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(mask, "w", **size, transform=Affine(20, 0, 330_000, 0, -20, 5_822_040)) as out:
        out.write(image)
    safe = write(tmp_path, Made(cloud=CORNER))
    found = series([safe], clouds=[mask])
    assert found.valid[0, :, :48].all()
    assert not found.valid[0, :, 48:].any()
    assert series([safe], clouds="none").valid.all()


def info(name: str, day: int, empty: float = 0.0, cloudy: float | None = 0.0, **more: str) -> DateInfo:
    return DateInfo(name, date(2020, 6, day), empty, cloudy, **more)


def test_the_clearest_first() -> None:
    infos = [info("a", 1, cloudy=0.5), info("b", 2, empty=0.2), info("c", 3, empty=0.1, cloudy=0.3), info("d", 4)]
    choice = choose_dates(infos, 3)
    assert choice.used == (3, 1, 2)
    assert choice.reasons[0] == "not among the best 3: 0% no data, 50% cloud"
    assert choice.reasons[2] == "used: 10% no data, 30% cloud"


def test_ties_go_to_the_wanted_date_or_the_latest() -> None:
    infos = [info("a", 1), info("b", 9, cloudy=0.004), info("c", 20)]  # less than half a percent is a tie
    assert choose_dates(infos, 1).used == (2,)
    assert choose_dates(infos, 2, wanted=date(2020, 6, 8)).used == (1, 0)
    assert choose_dates(infos, 1, wanted=date(2020, 6, 8)).reasons[1].endswith("1 days from 2020-06-08")


def test_what_shows_nothing_is_left_out_and_said() -> None:
    infos = [info("a", 1, empty=0.4, cloudy=0.6), info("b", 2, empty=1.0, cloudy=None), info("c", 3, cloudy=None)]
    choice = choose_dates(infos, 3)
    assert choice.used == (2,)
    assert choice.reasons[0].startswith("shows nothing of the window: 40% no data, 60% cloud")
    assert choice.reasons[1].endswith("cloud not known")
    assert choice.reasons[2] == "used: 0% no data, cloud not known"


def test_a_count_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0 dates, expected at least 1"):
        choose_dates([info("a", 1)], 0)


def test_a_series_keeps_the_best_dates_and_its_reasons(tmp_path: Path) -> None:
    half = cloud(slice(None), slice(0, 8))
    makes = [
        Made(day="20200601", cloud=half, baseline="0209"),
        Made(day="20200606", cloud=CORNER),
        Made(day="20200611"),
        Made(day="20200616", corner=(600_000, 5_822_040)),
    ]
    found = series([write(tmp_path, m) for m in makes], dates=2)
    assert found.dates == (date(2020, 6, 6), date(2020, 6, 11))
    assert [n.reason.split(":")[0] for n in found.left_out] == ["not among the best 2", "shows nothing of the window"]
    lines = found.summary().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("2020-06-01 S2A_MSIL1C_20200601")
    assert "50% cloud" in lines[0]
    # In the clear half the first date is as good as the others, and nearest to the wanted one.
    east = series([write(tmp_path, m) for m in makes], window=(0, 48, 96, 48), dates=1, wanted=date(2020, 5, 30))
    assert east.dates == (date(2020, 6, 1),)
