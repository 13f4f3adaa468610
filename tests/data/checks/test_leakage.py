"""Distances between splits: known ones, closest first, and a failure that names the pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import typer
from rasterio.warp import transform
from typer.testing import CliRunner

from satsr.cli.data import register
from satsr.data.checks.leakage import check_distance, nearest_training_tiles, positions
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.s2naip import S2NAIP
from tests.data.readers.published_chips import published, write_chips

TILE_M = 40_075_016.686 / 2**17
app = typer.Typer()
register(app)


def places(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["tile", "split", "x_m", "y_m"])


KNOWN = places(
    ("a", "train", 0, 0), ("b", "train", 100, 0), ("v", "val", 103, 4), ("t", "test", 0, 30), ("far", "test", 0, 900)
)


def test_known_distances_closest_first() -> None:
    found = nearest_training_tiles(KNOWN)
    assert found[["tile", "split", "nearest"]].to_numpy().tolist() == [
        ["v", "val", "b"],
        ["t", "test", "a"],
        ["far", "test", "a"],
    ]
    assert found.distance_m.tolist() == pytest.approx([5, 30, 900], rel=1e-6)  # at the equator, where Mercator is true


def test_agrees_with_great_circles_between_all_pairs() -> None:
    rng = np.random.default_rng(0)
    split = rng.choice(["train", "val", "test"], 300)
    longitude, latitude = rng.uniform(-180, 180, 300), rng.uniform(-70, 70, 300)
    made = places(
        *(
            (f"{n}", split[n], *(corner[0] for corner in transform("EPSG:4326", "EPSG:3857", [x], [y])))
            for n, (x, y) in enumerate(zip(longitude, latitude, strict=True))
        )
    )
    a, b = np.radians(latitude), np.radians(longitude)
    half = np.sin((a[:, None] - a) / 2) ** 2 + np.cos(a[:, None]) * np.cos(a) * np.sin((b[:, None] - b) / 2) ** 2
    apart = (2 * 6_378_137 * np.arcsin(np.sqrt(half)))[:, split == "train"].min(axis=1)  # haversine
    found = nearest_training_tiles(made).set_index("tile").distance_m
    np.testing.assert_allclose(found.to_numpy(), apart[found.index.astype(int)], rtol=1e-6)


def test_neighbours_across_splits_fail_with_the_closest_pair() -> None:
    with pytest.raises(ValueError, match=r"val tile v lies 5 m from training tile b, expected at least 50 m \(2 of 3"):
        check_distance(nearest_training_tiles(KNOWN), 50)
    check_distance(nearest_training_tiles(KNOWN), 4.999)


@pytest.mark.parametrize("left", ["train", "val"])
def test_one_split_alone_is_refused(left: str) -> None:
    with pytest.raises(ValueError, match="expected some of each"):
        nearest_training_tiles(KNOWN[KNOWN.split == left])


def test_tiles_of_s2_naip_tell_their_place_by_name(tmp_path: Path) -> None:
    published(tmp_path)
    write_chips(tmp_path, "val_set", ["33494_48870"], seed=1)  # beside and below the last training tile
    found = nearest_training_tiles(positions({split: S2NAIP(tmp_path, split) for split in ("train", "val", "test")}))
    assert tuple(found.loc[0, ["tile", "nearest"]]) == ("33494_48870", "33493_48869")
    y_m = 2**16 * TILE_M - 48869.5 * TILE_M
    ground = TILE_M * 2**0.5 / np.cosh(y_m / 6_378_137)  # a tile is smaller on the ground than in Mercator's metres
    assert found.distance_m[0] == pytest.approx(ground, rel=1e-4)


class Placed(Reader):
    """A data set that tells positions of some of its places."""

    facts: ClassVar[Facts] = S2NAIP.facts

    @property
    def tiles(self) -> Sequence[str]:
        return [f"{self.split} 1", f"{self.split} 2"]

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        raise NotImplementedError

    def position(self, tile: str) -> tuple[float, float] | None:
        return (3.0, 4.0) if tile.endswith("1") else None


class Unplaced(Placed):
    """A data set that tells none."""

    position = Reader.position


def test_a_reader_may_tell_positions(tmp_path: Path) -> None:
    found = positions({split: Placed(tmp_path, split) for split in ("train", "test")})
    assert found.to_numpy().tolist() == [["train 1", "train", 3.0, 4.0], ["test 1", "test", 3.0, 4.0]]


def test_places_without_a_position_are_left_out(tmp_path: Path) -> None:
    assert positions({"train": Unplaced(tmp_path, "train")}).empty


def test_command(tmp_path: Path) -> None:
    published(tmp_path)
    out = tmp_path / "leakage.csv"
    arguments = ["leakage", "s2naip", "--folder", str(tmp_path), "--output", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "val: 3 tiles, nearest 21733 m (33588_48869 to 33493_48869)" in done.stdout
    assert len(pd.read_csv(out)) == 5
    failed = CliRunner().invoke(app, [*arguments, "--least-m", "22000"])
    assert isinstance(failed.exception, ValueError)
