"""The PROBA-V layout: 14 bits in 16, masks, bands, hold-outs, files that are wrong, and the writer's round trip."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from satsr.data.images import read_mask, read_png16, write_mask, write_png16
from satsr.data.reader import Scene
from satsr.data.readers.probav import ProbaV, ProbaVRed, good_frames, write_data_set
from satsr.data.splits import hold_out_share
from tests.made import make_probav as made

VAL, TEST = ["imgset0601"], ["imgset0597", "imgset0600", "imgset0608", "imgset0611"]  # by sha256 of "0 imgset0601"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path / "set")


def imgset(folder: Path) -> Path:
    return folder / "train" / "NIR" / "imgset0594"


def test_every_stored_value_comes_back(folder: Path) -> None:
    sample = ProbaV(folder, "train").sample("imgset0594", ["nir"])
    assert (sample.series.shape, sample.hr.shape) == ((4, 6, 8, 1), (18, 24, 1))
    for frame in range(4):
        np.testing.assert_array_equal(sample.series[frame, ..., 0], made.lr("imgset0594", frame))
        np.testing.assert_array_equal(sample.valid[frame], made.qm(frame))
    np.testing.assert_array_equal(sample.hr[..., 0], made.hr("imgset0594"))
    np.testing.assert_array_equal(sample.hr_valid, made.sm())
    assert sample.unusable == ""


def test_all_14_bits_are_read_and_row_and_column_stay_apart(folder: Path) -> None:
    sample = ProbaV(folder, "train").sample("imgset0594", ["nir"])
    assert sample.hr.dtype == sample.series.dtype == np.uint16
    assert sample.hr[0, 0, 0] == sample.white == sample.hr_white == 16383
    assert sample.hr[2, 1, 0] == 16383 - 201  # south and east are not exchanged
    assert sample.series[3, 2, 1, 0] == 3000 + 201 + 594


def test_there_are_no_dates(folder: Path) -> None:
    sample = ProbaV(folder, "train").sample("imgset0594", ["nir"])
    assert sample.days.shape == (4,)
    assert np.isnan(sample.days).all()
    assert np.isnan(sample.day)


def test_good_frames_are_the_clearer_half_and_60_percent_clear(folder: Path) -> None:
    sample = ProbaV(folder, "train").sample("imgset0594", ["nir"])  # 100, 75, 50 and 25 % clear; median 62.5 %
    assert sample.good.tolist() == [True, True, False, False]
    assert good_frames(np.ones((3, 2, 2), bool)).tolist() == [True, True, True]
    assert good_frames(np.eye(2, dtype=bool)[None]).tolist() == [False]


def test_splits_are_held_out_by_name_and_complete(folder: Path) -> None:
    train, val, test = (ProbaV(folder, split).tiles for split in ("train", "val", "test"))
    assert (val, test) == (VAL, TEST)
    assert train == sorted(set(made.NIR) - set(VAL) - set(TEST))


def test_hold_out_does_not_depend_on_other_imgsets(folder: Path) -> None:
    imgset(folder).rename(folder / "train" / "NIR" / "imgset2000")
    assert ProbaV(folder, "val").tiles == VAL
    share = np.array([hold_out_share(f"imgset{number:04d}") for number in range(10_000)])
    assert 0.09 < (share < 0.1).mean() < 0.11
    assert 0 <= share.min() < share.max() < 1


def test_the_papers_val_folder_wins_and_is_not_trained_on(folder: Path) -> None:
    made.write_imgset(folder / "train" / "NIR" / "val" / "imgset0594")  # a copy, as well as the one in train
    assert ProbaV(folder, "val").tiles == ["imgset0594"]
    assert ProbaV(folder, "test").tiles == TEST
    assert ProbaV(folder, "train").tiles == sorted(set(made.NIR) - {"imgset0594"} - set(TEST))


def test_test_folder_counts_when_it_has_hr(folder: Path) -> None:
    made.write_imgset(folder / "test" / "NIR" / "imgset1400")
    reader = ProbaV(folder, "test")
    assert reader.tiles == ["imgset1306", "imgset1400"]
    assert set(TEST) <= set(ProbaV(folder, "train").tiles)
    with pytest.raises(FileNotFoundError, match=r"imgset1306/HR\.png is missing"):
        reader.sample("imgset1306", ["nir"])


def test_red_is_a_set_of_its_own(folder: Path) -> None:
    reader = ProbaVRed(folder, "train")
    assert reader.tiles == made.RED
    assert reader.sample("imgset0001", ["red"]).series[0, 0, 0, 0] == 1
    assert (reader.facts.name, reader.facts.bands_in, reader.facts.bands_out) == ("probav-red", ("red",), ("red",))
    assert ProbaV.facts.bands_in == ("nir",)


@pytest.mark.parametrize("bands", [["nir", "red"], ["red"], ["blue"], []])
def test_other_bands_name_the_set_to_choose(folder: Path, bands: list[str]) -> None:
    with pytest.raises(ValueError, match="expected nir alone: an imgset holds one band, choose the set probav"):
        ProbaV(folder, "train").sample("imgset0594", bands)


def test_baseline_files_region_and_corner(folder: Path) -> None:
    reader = ProbaV(folder, "train")
    assert reader.baseline_cpsnr("imgset0594") == 45.5
    assert reader.baseline_cpsnr("imgset0595") is None
    names = [f"{kind}{frame:03d}.png" for kind in ("LR", "QM") for frame in range(4)]
    assert [path.name for path in reader.files("imgset0594")] == [*names, "HR.png", "SM.png"]
    assert all(path.is_file() for path in reader.files("imgset0594"))
    assert reader.region("imgset0594") == "imgset0594"
    assert reader.corner("imgset0595") != reader.corner("imgset0594")


def test_norm_is_optional_and_a_bad_one_is_named(folder: Path) -> None:
    (folder / "norm.csv").write_text("imgset0594\n")
    with pytest.raises(ValueError, match=r"norm\.csv: got .*, expected lines of `imgsetNNNN cPSNR`"):
        ProbaV(folder, "train").baseline_cpsnr("imgset0594")
    (folder / "norm.csv").unlink()
    assert ProbaV(folder, "train").baseline_cpsnr("imgset0594") is None


@pytest.mark.parametrize("name", ["LR001.png", "HR.png"])
def test_eight_bits_are_refused(folder: Path, name: str) -> None:
    Image.fromarray(np.ones(made.LR, np.uint8)).save(imgset(folder) / name)
    with pytest.raises(ValueError, match=rf"{name}: got mode L, expected a 16-bit gray PNG"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])


@pytest.mark.parametrize("name", ["QM001.png", "SM.png"])
def test_a_mask_that_is_no_mask_is_refused(folder: Path, name: str) -> None:
    Image.fromarray(np.ones(made.LR, np.uint16)).save(imgset(folder) / name)
    with pytest.raises(ValueError, match=rf"{name}: got mode I;16, expected a 1-bit or 8-bit gray mask"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])


@pytest.mark.parametrize("name", ["QM001.png", "SM.png", "HR.png"])
def test_missing_and_truncated_files_are_named(folder: Path, name: str) -> None:
    path = imgset(folder) / name
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=rf"{name} cannot be read .*again"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing: .*again"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [("LR002.png", np.uint16, "6, 8"), ("QM002.png", np.uint8, "6, 8"), ("HR.png", np.uint16, "18, 24")],
)
def test_other_shapes_say_got_and_expected(folder: Path, name: str, kind: type, expected: str) -> None:
    Image.fromarray(np.ones((7, 8), kind)).save(imgset(folder) / name)
    with pytest.raises(ValueError, match=rf"{name}: got \(7, 8\), expected \({expected}\)"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])


def test_an_imgset_without_frames_and_one_without_clear_hr(folder: Path) -> None:
    write_mask(imgset(folder) / "SM.png", np.zeros(made.HR, bool))
    assert ProbaV(folder, "train").sample("imgset0594", ["nir"]).unusable == "no clear HR pixels"
    for path in imgset(folder).glob("LR*.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"LR000\.png is missing"):
        ProbaV(folder, "train").sample("imgset0594", ["nir"])


def test_empty_folder_and_unknown_split(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"probav train is empty, expected imgsetNNNN/HR\.png in train/NIR"):
        ProbaV(tmp_path / "none", "train")
    with pytest.raises(FileNotFoundError, match=r"probav-red val is empty, expected .* in train/RED/val, or enough"):
        ProbaVRed(folder, "val")
    with pytest.raises(ValueError, match="got split 'all', expected one of train, val, test"):
        ProbaV(folder, "all")


def test_16_bit_files_and_masks_round_trip(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5957  # up to 65527: the two upper bits too
    write_png16(tmp_path / "a" / "x.png", image)
    np.testing.assert_array_equal(read_png16(tmp_path / "a" / "x.png"), image)
    write_mask(tmp_path / "m.png", image > 9000)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), image > 9000)
    with Image.open(tmp_path / "m.png") as stored:
        assert np.unique(np.asarray(stored)).tolist() == [0, 255]


def made_up_scene(split: str, seed: int, bands: tuple[str, ...] = ("red", "nir")) -> Scene:
    rng = np.random.default_rng(seed)
    day = date(2021, 7, 10)
    return Scene(
        name=f"place{seed}",
        split=split,
        region=f"region{seed // 2}",
        lr=rng.uniform(-0.1, 1.2, (3, len(bands), 5, 4)).astype(np.float32),
        lr_bands=bands,
        lr_valid=rng.random((3, 5, 4)) < 0.8,
        dates=tuple(day + timedelta(days=number) for number in (-6, -3, 4)),
        hr=rng.uniform(0, 1, (len(bands), 15, 12)).astype(np.float32),
        hr_bands=bands,
        hr_valid=rng.random((15, 12)) < 0.8,
        day=day,
        corner=(500_000.0, 4_600_000.0),
        crs="EPSG:32613",
        lr_gsd_m=300.0,
        hr_gsd_m=100.0,
    )


def test_written_scenes_come_back_to_half_a_count(tmp_path: Path) -> None:
    scene = made_up_scene("train", 1)
    scene.lr[0, 0, 0, 0] = np.nan
    write_data_set(tmp_path, [scene])
    for reader, band in ((ProbaV(tmp_path, "train"), "nir"), (ProbaVRed(tmp_path, "train"), "red")):
        (tile,) = reader.tiles
        sample = reader.sample(tile, [band])
        expected = np.nan_to_num(scene.bands(band)[:, 0]).clip(0, 1)
        np.testing.assert_allclose(sample.series[..., 0] / sample.white, expected, rtol=0, atol=0.501 / 16383)
        np.testing.assert_allclose(sample.hr[..., 0] / 16383, scene.hr_of(band)[0], rtol=0, atol=0.501 / 16383)
        np.testing.assert_array_equal(sample.valid, scene.lr_valid)
        np.testing.assert_array_equal(sample.hr_valid, scene.hr_valid)
        assert reader.region(tile) == "region0"


def test_written_splits_names_and_regions(tmp_path: Path) -> None:
    splits = ("train", "train", "val", "test")
    write_data_set(tmp_path, (made_up_scene(split, seed, ("nir",)) for seed, split in enumerate(splits)))
    places = ("train/NIR/imgset0000", "train/NIR/imgset0001", "train/NIR/val/imgset0002", "test/NIR/imgset0003")
    assert all((tmp_path / place / "HR.png").is_file() for place in places)
    tiles = {split: ProbaV(tmp_path, split).tiles for split in ("train", "val", "test")}
    assert tiles == {"train": ["imgset0000", "imgset0001"], "val": ["imgset0002"], "test": ["imgset0003"]}
    regions = json.loads((tmp_path / "regions.json").read_text())
    assert regions == {f"imgset{number:04d}": f"region{number // 2}" for number in range(4)}
    assert not (tmp_path / "train" / "RED").exists()


def test_written_files_are_as_published(tmp_path: Path) -> None:
    write_data_set(tmp_path, [made_up_scene("train", 0, ("nir",))])
    place = tmp_path / "train" / "NIR" / "imgset0000"
    names = sorted(path.name for path in place.iterdir())
    assert names == ["HR.png", *(f"{kind}{n:03d}.png" for kind in ("LR", "QM") for n in range(3)), "SM.png"]
    with Image.open(place / "HR.png") as hr, Image.open(place / "QM000.png") as qm:
        assert (hr.mode, hr.size, qm.mode, qm.size) == ("I;16", (12, 15), "L", (4, 5))


def test_writer_refuses_other_bands_and_scales(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"scene place0: got bands .*expected nir or red in both"):
        write_data_set(tmp_path, [made_up_scene("train", 0, ("blue",))])
    scene = made_up_scene("train", 0)
    with pytest.raises(ValueError, match=r"got HR \(14, 12\) for LR \(5, 4\), expected 3 times LR"):
        write_data_set(tmp_path, [replace(scene, hr=scene.hr[:, :14])])
