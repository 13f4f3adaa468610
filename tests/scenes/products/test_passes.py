"""A date is a pass: its pieces become one frame, whatever files it came in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rasterio.warp import transform

from satsr.scenes.products.radiometry import age
from satsr.scenes.products.series import series
from tests.made.make_safe import Made, write, zipped

RGB = ("B02", "B03", "B04")


def counts(value: int = 1779, empty: slice = slice(0)) -> dict[str, NDArray[np.uint16]]:
    """Counts of one value, 0 in some columns."""
    made = {band: np.full((96, 96), value, np.uint16) for band in RGB}
    for values in made.values():
        values[:, empty] = 0
    return made


def again(folder: Path, made: Made) -> Path:
    """Write a product that was made of the same pass at another time."""
    safe = write(folder, made)
    return safe.rename(safe.with_name(safe.name.replace("T141500", "T190000")))


def test_a_pass_that_was_cut_is_one_whole_frame(tmp_path: Path) -> None:
    """The picture is that of the pass in one piece."""
    rng = np.random.default_rng(0)
    whole = {band: rng.integers(400, 3000, (96, 96)).astype(np.uint16) for band in RGB}
    halves: list[dict[str, Any]] = [{band: values.copy() for band, values in whole.items()} for _ in range(2)]
    for band in RGB:
        halves[0][band][:, 48:], halves[1][band][:, :48] = 0, 0
    one = series([write(tmp_path / "one", Made(bands=RGB, counts=whole))])
    left = write(tmp_path / "a", Made(bands=RGB, counts=halves[0]))
    right = again(tmp_path / "b", Made(bands=RGB, counts=halves[1]))
    for order in ([left, right], [right, left]):
        two = series(order)
        assert two.dates == one.dates
        assert two.valid.all()
        np.testing.assert_array_equal(two.images, one.images)
        assert f"one pass with {order[1].name} (50% of it)" in two.used[0].reason
        assert two.left_out[0].reason == f"one pass with {order[0].name}: shows 50% of the window that it does not"


def test_duplicates_are_one_date_and_do_not_take_another_s_place(tmp_path: Path) -> None:
    safe = write(tmp_path / "a", Made(bands=RGB, counts=counts()))
    copy = again(tmp_path / "b", Made(bands=RGB, counts=counts()))
    other = write(tmp_path / "c", Made(day="20200606", bands=RGB, counts=counts()))
    found = series([safe, copy, zipped(safe), other], dates=2)
    assert found.dates == (date(2020, 6, 6), date(2020, 6, 11))
    assert [note.reason for note in found.left_out] == [f"one pass with {safe.name}: adds nothing"] * 2


def test_of_two_processings_the_newer_shows_and_the_older_fills(tmp_path: Path) -> None:
    old = write(tmp_path / "a", Made(baseline="0500", bands=RGB, counts=counts(1000, slice(48, 96))))
    new = write(tmp_path / "b", Made(baseline="0510", bands=RGB, counts=counts(1779, slice(0, 24))))
    found = series([old, new])
    assert len(found.dates) == 1
    assert found.valid.all()
    levels = [np.unique(found.tci[0, :, columns]).tolist() for columns in (slice(0, 24), slice(24, 96))]
    assert levels == [[72], [128]]
    assert "processing baselines 05.00, 05.10 are mixed" in found.used[0].reason
    assert [age(baseline) for baseline in (None, "99.99", "02.04")] == ["", "", "02.04"]


def test_tiles_of_two_zones_are_one_frame(tmp_path: Path) -> None:
    def at(crs: str, lon: float) -> tuple[float, float]:
        (x,), (y,) = transform("EPSG:4326", crs, [lon], [52.0])
        return 60 * round((x - 480) / 60), 60 * round((y + 480) / 60)

    sides = {"32UQC": ("EPSG:32632", 11.995), "33UTT": ("EPSG:32633", 12.005)}
    safes = [
        write(tmp_path / tile, Made(tile=tile, crs=crs, corner=at(crs, lon), bands=RGB, counts=counts()))
        for tile, (crs, lon) in sides.items()
    ]
    found = series(safes, (11.992, 51.998, 12.008, 52.002))
    assert len(found.dates) == 1
    assert found.valid.mean() > 0.9


def test_clouds_of_every_piece_hide_what_it_shows(tmp_path: Path) -> None:
    cloudy = np.zeros((16, 16), bool)
    cloudy[:, 8:] = True  # of the whole tile: the second piece's half
    left = write(tmp_path / "a", Made(bands=RGB, counts=counts(empty=slice(48, 96)), cloud=cloudy))
    right = again(tmp_path / "b", Made(bands=RGB, counts=counts(empty=slice(0, 48)), cloud=cloudy))
    found = series([left, right])
    assert found.valid[0, :, :48].all()
    assert not found.valid[0, :, 48:].any()
    assert "0% no data, 50% cloud" in found.used[0].reason


@pytest.mark.parametrize("names", [("S2A_MSIL1C_20200611T102101", "S2B_MSIL1C_20200611T104101")])
def test_two_satellites_on_one_day_are_two_dates(tmp_path: Path, names: tuple[str, str]) -> None:
    safe = write(tmp_path / "a", Made(bands=RGB, counts=counts()))
    other = write(tmp_path / "b", Made(bands=RGB, counts=counts()))
    for path in sorted(other.rglob("*T102101*"), reverse=True):
        path.rename(path.with_name(path.name.replace("T102101", "T104101")))
    other = other.rename(other.with_name(other.name.replace(*names).replace("S2A", "S2B")))
    found = series([safe, other])
    assert found.dates == (date(2020, 6, 11), date(2020, 6, 11))


def test_two_satellites_close_behind_each_other_are_two_dates(tmp_path: Path) -> None:
    """As S2A and S2C flew at the end of 2024, seconds apart."""
    safe = write(tmp_path / "a", Made(bands=RGB, counts=counts()))
    other = write(tmp_path / "b", Made(bands=RGB, counts=counts()))
    other = other.rename(other.with_name(other.name.replace("S2A", "S2C")))
    assert series([safe, other]).dates == (date(2020, 6, 11), date(2020, 6, 11))
