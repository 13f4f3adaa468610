"""Batches put together from stored values against pairs made one by one, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from satsr.data.pairs import CPU, Batch, Pairs, RandomCrop
from satsr.data.reader import Reader, Sample
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.settings import PairSettings
from satsr.data.stored import Stored
from tests.data.making.chips import made_up_chip, written
from tests.made import make_oli2msi, make_probav, make_worldstrat


def one_by_one(pairs: Pairs, numbers: Sequence[int], epoch: int, crop: RandomCrop | None) -> Batch:
    """Put a batch together from whole pairs, each scaled by itself, as plainly as can be."""
    found = [pairs.pair(number, epoch) for number in numbers]
    batch = {name: torch.stack([getattr(p, name) for p in found]) for name in ("lr", "lr_valid", "hr", "hr_valid")}
    place, scale = torch.tensor([p.place for p in found]), found[0].scale
    if crop is not None:
        height, width = found[0].lr.shape[-2:]
        size = min(crop.size, height, width)
        tops, lefts = crop.rng.integers([[height - size + 1], [width - size + 1]], size=(2, len(found)))
        for name, images in batch.items():
            factor = scale if name.startswith("hr") else 1
            corners = [(top * factor, left * factor) for top, left in zip(tops, lefts, strict=True)]
            side = size * factor
            cut = [i[..., y : y + side, x : x + side] for i, (y, x) in zip(images, corners, strict=True)]
            batch[name] = torch.stack(cut)
        place = place + torch.from_numpy(np.stack((tops, lefts), axis=1))
    return Batch(
        **batch,
        dt_days=torch.stack([p.dt_days for p in found]),
        place=place,
        day=torch.tensor([p.day for p in found], dtype=torch.float64),
        tiles=tuple(p.tile for p in found),
        regions=tuple(p.region for p in found),
    )


def dated(folder: Path) -> Pairs:
    """Eight bits and three bands, frames of several places, some black, their number not the same."""
    chips = [made_up_chip(f"{16 * n}_{n}", seed=n, dates=4 - n % 2) for n in range(5)]
    chips[1].bands["tci"][0, 3, 5] = 0
    return Pairs(written(folder, chips), PairSettings(dates=2, bands=("tci", "b08")))


def undated(folder: Path) -> Pairs:
    chips = [replace(made_up_chip(f"{16 * n}_{n}", seed=n), dates=None, uuid="no date") for n in range(3)]
    return Pairs(written(folder, chips), PairSettings(dates=3))


def masked(folder: Path) -> Pairs:
    """Sixteen bits, one band, masks of LR and HR, values above the white one, no dates, not square."""
    return Pairs(ProbaV(make_probav.write(folder), "val"), PairSettings(dates=3, bands=()))


def floats(folder: Path) -> Pairs:
    """Single frames of reflectance."""
    return Pairs(OLI2MSI(make_oli2msi.write(folder), "train"), PairSettings(dates=1, bands=()))


def reflectance(folder: Path) -> Pairs:
    """Reflectance of LR beside counts of HR, with dates."""
    return Pairs(WorldStrat(make_worldstrat.write(folder), "train"), PairSettings(dates=2, bands=()))


def with_extras(folder: Path) -> Pairs:
    """Older HR, and boxes of objects: of one place large ones, of one a single small one, of the last none."""
    boxes = [{"building": [(0, 0, 128, 128), (10, 4, 90, 124)]}, {"boat": [(60, 60, 70, 66)]}, {}]
    chips = [replace(made_up_chip(f"{16 * n}_{n}", seed=n), objects=boxes[n]) for n in range(3)]
    return Pairs(written(folder, chips), PairSettings(dates=2, old_hr=True, objects=2))


@pytest.mark.parametrize("held", [False, True], ids=["read", "held"])
@pytest.mark.parametrize("size", [0, 4, 100], ids=["whole", "crop", "crop larger than the image"])
@pytest.mark.parametrize("made", [dated, undated, masked, floats, reflectance, with_extras])
def test_a_batch_is_its_pairs_one_by_one(made: object, size: int, held: bool, tmp_path: Path) -> None:
    pairs = made(tmp_path)  # type: ignore[operator]
    assert pairs.hold(CPU) if held else True
    every = list(range(len(pairs)))
    for epoch, numbers in ((0, every), (1, every[::-1]), (2, every[-1:] * 2)):
        crops = [RandomCrop(size, np.random.default_rng(epoch)) if size else None for _ in range(2)]
        found, expected = pairs.batch(numbers, epoch, crops[0]), one_by_one(pairs, numbers, epoch, crops[1])
        for name in ("lr", "lr_valid", "dt_days", "hr", "hr_valid", "place", "day"):
            mine, plain = getattr(found, name), getattr(expected, name)
            assert mine.dtype == plain.dtype, name
            assert mine.shape == plain.shape, name
            assert torch.equal(mine.nan_to_num(-1), plain.nan_to_num(-1)), name
        assert (found.tiles, found.regions) == (expected.tiles, expected.regions)
        assert not found.hr_whole or expected.hr_valid.all()


@pytest.mark.parametrize("held", [False, True], ids=["read", "held"])
@pytest.mark.parametrize("size", [0, 16], ids=["whole", "crop"])
def test_older_hr_and_boxes_belong_to_the_crop(size: int, held: bool, tmp_path: Path) -> None:
    pairs = with_extras(tmp_path)
    assert pairs.hold(CPU) if held else True
    batch = pairs.batch([0, 1, 2], epoch=1, crop=RandomCrop(size, np.random.default_rng(0)) if size else None)
    assert batch.old_hr is not None
    assert batch.boxes is not None
    corner = batch.place - torch.tensor([pairs.reader.corner(tile) for tile in pairs.tiles])
    side = 4 * (size or 32)
    for row in range(3):
        pair, (top, left) = pairs.pair(row, extras=True), (4 * corner[row]).tolist()
        assert pair.old_hr is not None
        assert torch.equal(batch.old_hr[row], pair.old_hr[:, top : top + side, left : left + side])
        known = [box for boxes in pair.objects.values() for box in boxes]
        inside = [[min(max(v - o, 0), side) for v, o in zip(box, (left, top) * 2, strict=True)] for box in known]
        inside = [box for box in inside if box[2] - box[0] >= 4 and box[3] - box[1] >= 4]
        found = [box.tolist() for box in batch.boxes[row] if box.isfinite().all()]
        assert sorted(found) == sorted(inside)  # there is room for all of them
    assert batch.boxes[2].isnan().all()


def test_boxes_are_drawn_anew_in_every_epoch_and_the_same_from_every_run(tmp_path: Path) -> None:
    boxes = {"building": [(8 * n, 8 * n, 8 * n + 8, 8 * n + 8) for n in range(16)]}
    chips = [replace(made_up_chip("0_0"), objects=boxes)]
    runs = [Pairs(written(tmp_path / name, chips), PairSettings(dates=2, objects=1)) for name in "ab"]
    drawn = [[run.batch([0], epoch).boxes for epoch in range(20)] for run in runs]
    assert all(torch.equal(a, b) for a, b in zip(*drawn, strict=True))
    assert len({tuple(box[0, 0].tolist()) for box in drawn[0]}) > 5


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    chips = [replace(made_up_chip("0_0"), old_hr=None)]
    with pytest.raises(ValueError, match=r"no older HR of 0_0: unset pairs\.old_hr"):
        Pairs(written(tmp_path, chips), PairSettings(dates=2, old_hr=True)).batch([0])
    asked = Pairs(masked(tmp_path / "masked").reader, PairSettings(dates=3, bands=(), objects=1))
    with pytest.raises(ValueError, match="has no objects or captions"):
        asked.batch([0])


def test_the_layouts_above_have_what_they_are_there_for(tmp_path: Path) -> None:
    clouded, whole = masked(tmp_path / "masked").batch([0]), dated(tmp_path / "dated").batch([0, 1])
    assert not clouded.hr_valid.all()
    assert not clouded.hr_whole
    assert clouded.dt_days.isnan().all()
    assert whole.hr_whole
    assert whole.dt_days.isfinite().all()
    assert undated(tmp_path / "undated").batch([0]).day.isnan().all()


class Varied(Reader):
    """Two places of one band; their sizes and their white values differ."""

    facts = replace(ProbaV.facts, bands=("nir",), bands_in=("nir",), bands_out=("nir",), scale=2)
    tiles = ("large", "small")
    sides = (8, 6)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        side = self.sides[self.tiles.index(tile)]
        series, hr = np.full((1, side, side, 1), 60_000, np.uint16), np.full((2 * side, 2 * side, 1), 3, np.uint8)
        valid, hr_valid = np.ones((1, side, side), bool), np.ones((2 * side, 2 * side), bool)
        return Sample(series, valid, np.ones(1, bool), np.zeros(1), hr, hr_valid, 0.0, 10_000.0 * side, side)


class Even(Varied):
    """The same with equal sizes, white values as before."""

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        found = super().sample("large", bands)
        return replace(found, white=found.white if tile == "large" else 120_000.0)


ONE = PairSettings(dates=1, bands=())


def test_places_of_different_sizes_are_not_held_and_come_one_at_a_time(tmp_path: Path) -> None:
    pairs = Pairs(Varied(tmp_path, "train"), ONE)
    assert not pairs.hold(CPU)
    assert [pairs.batch([number]).hr.shape[-1] for number in (0, 1)] == [16, 12]


@pytest.mark.parametrize("held", [False, True])
def test_every_place_has_its_own_white(held: bool, tmp_path: Path) -> None:
    pairs = Pairs(Even(tmp_path, "train"), ONE)
    assert pairs.hold(CPU) if held else True
    assert pairs.batch([1, 0]).lr[:, 0, 0, 0, 0].tolist() == [0.5, 0.75]


def test_a_split_larger_than_what_is_kept_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Even(tmp_path, "train")
    monkeypatch.setattr("satsr.data.pairs.KEPT_BYTES", 2 * (8 * 8 * 3 + 16 * 16 * 2))
    assert Pairs(reader, ONE).hold(CPU)
    monkeypatch.setattr("satsr.data.pairs.KEPT_BYTES", 2 * (8 * 8 * 3 + 16 * 16 * 2) - 1)
    assert not Pairs(reader, ONE).hold(CPU)
    assert not Pairs(reader, ONE, keep=False).hold(CPU)


def test_places_joined_are_places_put_together_at_once(tmp_path: Path) -> None:
    reader = Even(tmp_path, "train")
    samples = [reader.sample(tile, ()) for tile in reader.tiles] * 2
    joined, whole = Stored.joined([Stored.of(samples[:1]), Stored.of(samples[1:])]), Stored.of(samples)
    assert joined.first.tolist() == whole.first.tolist() == [0, 1, 2, 3]
    assert torch.equal(joined.white, whole.white)
    for mine, other in zip(joined.images([3, 0], [(0,), (0,)]), whole.images([3, 0], [(0,), (0,)]), strict=True):
        assert (mine is other is None) or torch.equal(mine, other)


def test_hr_of_another_ground_is_refused_with_the_tile(tmp_path: Path) -> None:
    class Off(Even):
        facts = replace(Even.facts, scale=3)

    with pytest.raises(ValueError, match=r"tile large: HR is \(16, 16\), expected 3 times LR \(8, 8\)"):
        Pairs(Off(tmp_path, "train"), ONE).batch([0])
