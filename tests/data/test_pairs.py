"""The pair contract and the choice of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from satsr.data.frames import black, choose_frames, frame_rng
from satsr.data.pairs import Pairs, RandomCrop, spread_evenly
from satsr.data.reader import Reader, Sample
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.settings import PairSettings
from tests.data.making.chips import made_up_chip, write_split, written

FOUR = PairSettings(dates=4)


def made_up(folder: Path, count: int = 3) -> list:
    return [made_up_chip(f"{32 * n}_{16 * n}", seed=n) for n in range(count)]


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return Pairs(written(tmp_path, made_up(tmp_path)), FOUR)


def test_a_pair_keeps_the_contract(pairs: Pairs) -> None:
    pair = pairs.pair(0, extras=True)
    assert pair.lr.shape == (4, 3, 32, 32)
    assert pair.hr.shape == (3, 128, 128)
    assert pair.lr.dtype == pair.hr.dtype == pair.dt_days.dtype == torch.float32
    assert 0 <= pair.lr.min() <= pair.lr.max() <= 1
    assert pair.lr_valid.shape == (4, 32, 32)
    assert pair.hr_valid.shape == pair.labels.shape == (128, 128)
    assert pair.bands_in == pair.bands_out == ("red", "green", "blue")
    assert pair.scale == 4
    assert pair.region == "0_0"
    assert pair.gsd_m == pytest.approx(2.3887, abs=1e-3)


def test_values_are_the_files_divided_by_255(pairs: Pairs) -> None:
    pair = pairs.pair(1)
    chip = made_up_chip("32_16", seed=1)
    np.testing.assert_allclose(pair.hr.permute(1, 2, 0).numpy() * 255, chip.hr, atol=1e-4)
    expected = chip.bands["tci"][list(pair.frames)]
    np.testing.assert_allclose(pair.lr.permute(0, 2, 3, 1).numpy() * 255, expected, atol=1e-4)


def test_days_follow_the_chosen_frames_and_are_signed(pairs: Pairs) -> None:
    pair = pairs.pair(0)
    assert pair.dt_days.tolist() == [-10.0 + 5 * frame for frame in pair.frames]  # HR is of June 11th


def test_days_are_nan_without_dates(tmp_path: Path) -> None:
    chips = [replace(c, dates=None) for c in made_up(tmp_path)]
    assert Pairs(written(tmp_path, chips), FOUR).pair(0).dt_days.isnan().all()


def test_a_model_sees_the_first_dates_and_unknown_ones_as_the_day_of_hr(tmp_path: Path) -> None:
    chips = made_up(tmp_path)
    known = Pairs(written(tmp_path / "known", chips), FOUR).batch([0, 1])
    unknown = Pairs(written(tmp_path / "unknown", [replace(c, dates=None) for c in chips]), FOUR)
    for dates in (None, 2):
        lr, dt_days, place, day = known.seen(dates)
        assert torch.equal(lr, known.lr[:, :dates])
        assert torch.equal(dt_days, known.dt_days[:, :dates])
        assert torch.equal(place, known.place)
        assert torch.equal(day, known.day)
        _, dt_days, _, day = unknown.batch([0, 1]).seen(dates)  # although the name of HR tells its day
        assert torch.equal(dt_days, torch.zeros(2, dates or 4))
        assert torch.equal(day, torch.zeros(2, dtype=torch.float64))


def test_places_and_days_are_those_of_the_tile_and_of_the_hr_image(tmp_path: Path) -> None:
    chips = [made_up_chip("33488_48869"), replace(made_up_chip("5_7", seed=1), uuid="no date")]
    pairs = Pairs(written(tmp_path, chips), FOUR)
    batch = pairs.batch([pairs.tiles.index(chip.tile) for chip in chips])
    assert batch.place.tolist() == [[48869 * 32, 33488 * 32], [7 * 32, 5 * 32]]  # tiles are named column_row
    assert batch.day[0] == np.datetime64("2020-06-11").astype(int)
    assert batch.day[1].isnan()


def test_evaluation_is_fixed_and_epochs_differ(pairs: Pairs) -> None:
    assert pairs.pair(0).frames == pairs.pair(0).frames
    assert len({pairs.pair(0, epoch).frames for epoch in range(8)}) > 1


def test_keeping_chips_in_memory_changes_nothing(tmp_path: Path) -> None:
    reader = written(tmp_path, made_up(tmp_path))
    kept, read = Pairs(reader, FOUR), Pairs(reader, FOUR, keep=False)
    for _ in range(2):
        assert torch.equal(kept.pair(2, 3).lr, read.pair(2, 3).lr)


def test_single_bands_follow_tci_on_channels(tmp_path: Path) -> None:
    pairs = Pairs(written(tmp_path, made_up(tmp_path)), PairSettings(dates=2, bands=("tci", "b08")))
    pair = pairs.pair(0)
    assert pair.bands_in == ("red", "green", "blue", "b08")
    assert torch.equal(pair.lr[:, 3], pair.lr[:, 0])  # the made-up b08 repeats red


def test_a_pixel_is_black_only_when_all_bands_are_zero() -> None:
    image = np.array([[[0, 0, 0], [0, 40, 60], [1, 0, 0]]], np.uint8)
    assert black(image).tolist() == [[True, False, False]]


def test_chip_with_black_hr_is_left_out_and_counted(tmp_path: Path) -> None:
    chips = made_up(tmp_path)
    chips[1].hr[5, 7] = 0
    pairs = Pairs(written(tmp_path, chips), FOUR)
    assert pairs.tiles == ["0_0", "64_32"]
    assert pairs.left_out[["tile", "status"]].values.tolist() == [["32_16", "black HR pixels"]]


def test_chip_with_too_few_dates_is_left_out_and_an_empty_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none of 3 places can be used \({'too few dates': 3}\)"):
        Pairs(written(tmp_path, made_up(tmp_path)), PairSettings(dates=5))


def test_hr_of_another_scale_is_refused(pairs: Pairs) -> None:
    pair = pairs.pair(0)
    with pytest.raises(ValueError, match=r"HR is \(96, 96\), expected 4 times LR \(32, 32\)"):
        replace(pair, hr=pair.hr[:, :96, :96])


def test_dates_file_of_another_length_is_refused(tmp_path: Path) -> None:
    folder = write_split(tmp_path, made_up(tmp_path))
    (folder / "sentinel2" / "0_0" / "dates.csv").write_text("frame,date\n0,2020-06-01\n")
    with pytest.raises(ValueError, match=r"tile 0_0: dates.csv names 1 dates, expected 4"):
        Pairs(S2NAIP.of_folder(folder), FOUR).pair(0)


def test_batch_stacks_and_covers_the_set_once(pairs: Pairs) -> None:
    seen = [tile for _, batch in pairs.batches(2) for tile in batch.tiles]
    assert seen == pairs.tiles
    batch = pairs.batch([0, 2])
    assert batch.lr.shape == (2, 4, 3, 32, 32)
    assert torch.equal(batch.hr[1], pairs.pair(2).hr)


def test_crops_of_lr_and_hr_show_the_same_ground(tmp_path: Path) -> None:
    """Every pixel of the made-up images tells its row and column in LR."""
    rows, columns = np.indices((32, 32), np.uint8)
    image = np.stack((rows + 1, columns + 1, 0 * rows + 1), axis=-1)
    fine = image.repeat(4, 0).repeat(4, 1)
    chips = [replace(c, hr=fine, bands={"tci": np.stack([image] * 4)}) for c in made_up(tmp_path)]
    pairs = Pairs(written(tmp_path, chips), FOUR)
    batch, cut = pairs.batch([0, 1, 2]), pairs.batch([0, 1, 2], crop=RandomCrop(8, np.random.default_rng(0)))
    assert cut.lr.shape == (3, 4, 3, 8, 8)
    assert cut.lr_valid.shape == (3, 4, 8, 8)
    assert cut.hr.shape == (3, 3, 32, 32)
    assert cut.hr_valid.shape == (3, 32, 32)
    assert torch.equal(cut.hr[..., ::4, ::4], cut.lr[:, 0])
    assert torch.equal(cut.hr[..., 3::4, 3::4], cut.lr[:, 0])
    corners = (255 * cut.lr[:, 0, :2, 0, 0]).round().long() - 1
    assert len(set(corners[:, 0].tolist())) > 1  # every pair has its own corner
    assert torch.equal(cut.place - batch.place, corners)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 2**31), st.data())
def test_good_frames_come_before_bad_ones(good: list[bool], seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(good)))
    chosen = choose_frames(np.array(good), count, np.random.default_rng(seed))
    assert len(set(chosen)) == count
    assert sum(good[i] for i in chosen) == min(count, sum(good))


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="2 frames, expected at least 3"):
        choose_frames(np.ones(2, bool), 3, np.random.default_rng(0))


def test_frame_seed_depends_on_tile_and_epoch_only() -> None:
    draws = {(t, e): frame_rng(0, t, e).random() for t in ("1_2", "2_1") for e in (0, 1)}
    assert len(set(draws.values())) == 4
    assert frame_rng(0, "1_2", 1).random() == draws["1_2", 1]


@given(st.integers(1, 300), st.integers(1, 400))
def test_numbers_are_spread_evenly_and_never_twice(count: int, wanted: int) -> None:
    numbers = spread_evenly(count, wanted)
    assert len(set(numbers)) == len(numbers) == min(count, wanted)
    assert numbers == sorted(numbers)
    assert numbers[0] >= 0
    assert numbers[-1] < count
    gaps = {b - a for a, b in pairwise(numbers)}
    assert not gaps or max(gaps) - min(gaps) <= 1


class Deep(Reader):
    """Three places of one band, 16 bits deep, and a count of how often each is read."""

    facts = replace(S2NAIP.facts, title="Deep", bands=("nir", "red"), bands_in=("nir",), bands_out=("nir",), scale=2)
    tiles = ("a", "b", "c")

    def __init__(self, folder: Path, split: str = "train") -> None:
        super().__init__(folder, split)
        self.reads = dict.fromkeys(self.tiles, 0)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        self.reads[tile] += 1
        series = np.arange(3 * 8 * 8, dtype=np.uint16).reshape(3, 8, 8, 1) * 100  # up to 19,100
        hr = np.full((16, 16, 1), 5000 + self.tiles.index(tile), np.uint16)
        hr[0, 0] = 40_000
        valid, hr_valid, days = np.ones((3, 8, 8), bool), np.ones((16, 16), bool), np.arange(3.0)
        return Sample(series, valid, np.ones(3, bool), days, hr, hr_valid, 5.0, white=10_000, hr_white=20_000)

    def weight(self, tile: str) -> float:
        return {"a": 1.0, "b": 3.0, "c": 0.5}[tile]


def test_deep_values_are_divided_by_white_and_clipped(tmp_path: Path) -> None:
    pair = Pairs(Deep(tmp_path), PairSettings(dates=3, bands=())).pair(1)
    frames = torch.argsort(torch.tensor(pair.frames))
    expected = (torch.arange(3 * 8 * 8).reshape(3, 1, 8, 8) / 100).clamp(max=1)
    torch.testing.assert_close(pair.lr[frames], expected)
    assert (pair.lr.dtype, pair.lr.max(), pair.hr.max()) == (torch.float32, 1, 1)
    assert pair.hr[0, 1, 1].item() == pytest.approx(5001 / 20_000)
    assert pair.dt_days[frames].tolist() == [-5, -4, -3]
    assert pair.bands_in == pair.bands_out == ("nir",)


def test_unknown_bands_are_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Deep: got bands b08, blue, expected some of nir, red: .* for nir"):
        Pairs(Deep(tmp_path), PairSettings(dates=2, bands=("nir", "blue", "b08")))


def test_bands_of_the_settings_are_asked_for(tmp_path: Path) -> None:
    assert Pairs(Deep(tmp_path), PairSettings(dates=2, bands=("red",))).bands_in == ("red",)


def test_weights_are_those_of_the_reader(tmp_path: Path) -> None:
    assert Pairs(Deep(tmp_path), PairSettings(dates=2, bands=())).weights.tolist() == [1.0, 3.0, 0.5]


@pytest.mark.parametrize(("samples", "kept"), [(0.0, 0), (1.9, 1), (2.1, 2), (9.0, 3)])
def test_no_more_is_kept_than_there_is_room_for(
    samples: float, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Deep(tmp_path)
    found = reader.sample("a", ["nir"])
    size = sum(part.nbytes for part in (found.series, found.valid, found.hr, found.hr_valid))
    monkeypatch.setattr("satsr.data.pairs.KEPT_BYTES", int(samples * size))
    pairs = Pairs(reader, PairSettings(dates=3, bands=()))
    first = pairs.batch([0, 1, 2])
    before = dict(reader.reads)
    assert torch.equal(pairs.batch([0, 1, 2]).hr, first.hr)
    assert sum(reader.reads[tile] == before[tile] for tile in reader.tiles) == kept
