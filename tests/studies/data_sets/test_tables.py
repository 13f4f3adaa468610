"""Tables of the study over several data sets: published facts beside counts, and statistics."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.settings import PairSettings
from satsr.studies.data_sets.tables import band_statistics, comparison, counted, facts_table, ground_area, time_gaps
from tests.data.small_downloads import ONE, TWO, download, write_all


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return write_all(tmp_path_factory.mktemp("written"))


def test_counts_are_those_of_the_reader(written: dict[str, Path]) -> None:
    found = counted(download(written["oli2msi"], ONE).pairs)
    assert found == {
        "train": 2,
        "val": 2,
        "test": 1,
        "frames": "1 to 1",
        "LR px": "4 x 6",
        "HR px": "12 x 18",
        "km2": pytest.approx(5 * 0.12 * 0.18),
    }


def test_comparison_says_what_is_not_available_beside_what_is_counted() -> None:
    facts = (S2NAIP.facts, ProbaV.facts, WorldStrat.facts)
    counts = {"s2naip": {"train": 9, "km2": 1.0}, "probav": {"train": 5, "km2": 12.3456}}
    counts["worldstrat"] = {"train": 7, "km2": 1.0}
    found = comparison(facts, counts).set_index("data set")
    unknown = found.loc["PROBA-V", ["years", "pairs", "area, km2", "size, GB"]]
    assert unknown.tolist() == ["not available"] * 4
    assert found.loc["WorldStrat", ["pairs", "area, km2", "size, GB"]].tolist() == ["3,928", "10,000", "107"]
    assert found["scale"].tolist() == ["x4", "x3", "x4"]
    assert found.loc["PROBA-V", ["here: train", "here: km2"]].tolist() == ["5", "12.35"]
    assert found["here: train"].tolist() == ["9", "5", "7"]


def test_areas_of_thousands_of_km2_are_written_out() -> None:
    counts = {"probav": {"km2": 26_542.08}}
    assert comparison([ProbaV.facts], counts)["here: km2"].item().replace(",", "") in ("26542", "26540", "26542.08")


def test_facts_are_listed_with_every_note() -> None:
    found = facts_table(WorldStrat.facts).set_index("what").said
    assert found["LR"] == "Sentinel-2 L1C, 10 m"
    assert found["bands used"] == "b04, b03, b02 to red, green, blue"
    assert tuple(found[["note"]]) == WorldStrat.facts.notes


def test_ground_area_follows_the_cosine_of_the_latitude() -> None:
    found = ground_area(1_200_000).set_index("latitude of")
    tile_km = 2 * math.pi * 6378.137 / 2**17  # Web Mercator, zoom 17
    assert found.km2["equator"] == pytest.approx(1.2e6 * tile_km**2, rel=1e-6)
    assert found.km2["equator"] == pytest.approx(1.2e6 * 0.305748**2, rel=1e-5)
    for place in found.index:
        share = math.cos(math.radians(found.degrees[place])) ** 2
        assert found.km2[place] / found.km2["equator"] == pytest.approx(share)
    assert ground_area(600).km2[0] == pytest.approx(found.km2["equator"] / 2000)


def test_statistics_of_bands_leave_masked_pixels_out(written: dict[str, Path]) -> None:
    pairs = Pairs(FMoW(written["fmow"], "train"), PairSettings(dates=3, bands=()))
    found = band_statistics(pairs).set_index(["image", "band"])
    seen = np.repeat([0.1, 0.12, 0.14], [1, 2, 2]) / 0.3558  # half of the first date is masked
    for band in ("b04", "b03", "b02"):
        assert found["mean"]["LR", band] == pytest.approx(seen.mean(), abs=1e-3)
        assert found["standard deviation"]["LR", band] == pytest.approx(seen.std(), abs=1e-3)
    assert found["mean"]["HR", "red"] == pytest.approx(0.2 / 0.3558, abs=3 / 255)
    assert list(found.index) == [("LR", b) for b in ("b04", "b03", "b02")] + [
        ("HR", b) for b in ("red", "green", "blue")
    ]


def test_time_gaps_are_signed_and_masks_are_shares(written: dict[str, Path]) -> None:
    every = PairSettings(dates=3, bands=())
    sets = {split: Pairs(FMoW(written["fmow"], split), every) for split in SPLITS}
    found = time_gaps(sets).set_index("split")
    assert list(found.index) == list(SPLITS)
    assert found.loc["val", ["pairs", "earliest", "median", "latest"]].tolist() == [1, -375, -10, 356]
    assert found.loc["val", "LR masked"] == pytest.approx(1 / 6)
    assert found.loc["val", "HR masked"] == 0


def test_time_gaps_without_dates_are_not_numbers(written: dict[str, Path]) -> None:
    found = time_gaps({"val": Pairs(ProbaV(written["probav"], "val"), TWO)})
    assert found[["earliest", "median", "latest"]].isna().all(axis=None)
    assert found["HR masked"].item() == pytest.approx(1 / 24)
