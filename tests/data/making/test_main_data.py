"""Making data sets: same seed same bytes, regions never divided, any folder, nothing half-written."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import from_origin

from satsr.common.digests import tree_digest
from satsr.data.checks.leakage import nearest_training_tiles, positions
from satsr.data.making import main_data as make
from satsr.data.making.main_data import make_data
from satsr.data.making.own_images import OwnImage, image_chips, list_images, list_pairs, pair_chips, read_hr
from satsr.data.pairs import Pairs
from satsr.data.place_index import index_file, statuses_of
from satsr.data.readers.s2naip import S2NAIP, S2NAIPOld
from satsr.data.readers.s2naip_convert import convert_layout, to_old
from satsr.data.readers.s2naip_folder import SPLIT_FOLDERS, Chip, region_of
from satsr.data.settings import DataSettings, PairSettings, Splits
from satsr.data.splits import split_regions
from tests.data.readers.published_chips import published

pytestmark = pytest.mark.usefixtures("one_process")

SMALL = DataSettings(regions=3, chips_per_side=1, dates=2)


def opened(out: Path, split: str, settings: PairSettings) -> Pairs:
    """Return the pairs of a split of what `make_data` wrote."""
    return Pairs(S2NAIP.open(out / "files", split), settings)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """By as many processes as there are cores; all other data sets here are made in this one."""
    out = tmp_path_factory.mktemp("world") / "data"
    return out, make_data(SMALL, out, dates=2)


def test_same_seed_same_bytes(world: tuple[Path, dict], tmp_path: Path) -> None:
    """Whatever makes them: several processes, or this one."""
    again = make_data(SMALL, tmp_path / "data", dates=2)
    assert again == world[1]
    assert tree_digest(tmp_path / "data") == tree_digest(world[0])


def test_manifest_counts_and_digests(world: tuple[Path, dict]) -> None:
    for split, name in SPLIT_FOLDERS.items():
        found = world[1]["splits"][split]
        assert (found["places"], found["dated"], found["regions"], found["frames"]) == (1, 1, 1, 2)
        assert found["sha256"] == tree_digest(world[0] / "files" / name)
    digests = [found["sha256"] for found in world[1]["splits"].values()]
    assert world[1]["digest"] == "-".join(digest[:16] for digest in digests)
    assert (world[1]["dated"], world[1]["bands"]) == (True, ["red", "green", "blue"])


def test_the_index_says_what_the_readers_say(world: tuple[Path, dict]) -> None:
    for split in SPLIT_FOLDERS:
        expected = statuses_of(S2NAIP.open(world[0] / "files", split), ("red", "green", "blue"))
        pd.testing.assert_frame_equal(pd.read_parquet(index_file(world[0] / "index", split)), expected)


def test_a_place_that_lacks_a_band_is_named_when_that_band_is_looked_at(
    world: tuple[Path, dict], tmp_path: Path
) -> None:
    there = Path(shutil.copytree(world[0] / "files", tmp_path / "there"))
    path = next((there / SPLIT_FOLDERS["val"]).rglob("b08.png"))
    path.unlink()
    settings = DataSettings(source="s2naip", path=str(there), leakage="report")
    assert make_data(settings, tmp_path / "data", dates=2)["bands"] == ["red", "green", "blue"]
    with pytest.raises(FileNotFoundError, match=r"b08\.png"):
        make_data(settings, tmp_path / "other", 2, (*S2NAIP.facts.bands_in, "b08"))
    assert not (tmp_path / "other").exists()


def test_splits_share_no_region(world: tuple[Path, dict]) -> None:
    settings = PairSettings(dates=2)
    regions = [{region_of(t) for t in opened(world[0], split, settings).tiles} for split in SPLIT_FOLDERS]
    assert not set.intersection(*regions)


def test_every_band_of_the_layout_is_there(world: tuple[Path, dict]) -> None:
    (chip,) = (world[0] / "files" / SPLIT_FOLDERS["train"] / "sentinel2").iterdir()
    bands = {p.stem for p in chip.glob("*.png")}
    assert bands == {"tci", "b01", "b05", "b06", "b07", "b08", "b09", "b10", "b11", "b12"}


@pytest.mark.parametrize("count", [3, 4, 10, 25])
def test_every_split_gets_a_region_and_each_region_one_split(count: int) -> None:
    names = [f"r{n}" for n in range(count)]
    split = split_regions(names, Splits(), seed=1)
    assert set(split) == set(names)
    assert set(split.values()) == set(SPLIT_FOLDERS)
    assert split == split_regions(names[::-1], Splits(), seed=1)


def test_fewer_than_three_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="2 regions or images, expected at least 3"):
        split_regions(["a", "b"], Splits(), seed=0)


def images(folder: Path) -> Path:
    """A folder with a PNG, a JPEG and GeoTIFFs of several types, in class folders."""
    rng = np.random.default_rng(0)
    for kind in ("BareLand", "sparse_forest"):
        (folder / kind).mkdir(parents=True)
        Image.fromarray(rng.integers(1, 256, (150, 150, 3), np.uint8)).save(folder / kind / "a.png")
        Image.fromarray(rng.integers(1, 256, (140, 300, 3), np.uint8)).save(folder / kind / "b.jpg")
    tiff(folder / "sixteen.tif", rng.integers(200, 4000, (3, 256, 256), np.uint16))
    tiff(folder / "one.tif", rng.random((1, 128, 128), np.float32))
    return folder


def tiff(path: Path, values: np.ndarray, gsd_m: float = 2.4, nodata: float | None = None) -> Path:
    bands, height, width = values.shape
    place = {"crs": "EPSG:26917", "transform": from_origin(0, 0, gsd_m, gsd_m), "nodata": nodata}
    shape = {"count": bands, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(values)
    return path


def test_a_folder_of_any_images_becomes_a_data_set(tmp_path: Path) -> None:
    settings = DataSettings(source="folder", path=str(images(tmp_path / "in")), dates=2)
    manifest = make_data(settings, tmp_path / "out", dates=2)
    assert sum(found["places"] for found in manifest["splits"].values()) == 1 + 2 + 1 + 2 + 4 + 1
    two = PairSettings(dates=2)
    captions = {opened(tmp_path / "out", split, two).pair(0, extras=True).caption for split in SPLIT_FOLDERS}
    assert captions <= {"an aerial image of bare land", "an aerial image of sparse forest", None}


def test_simulated_series_matches_its_image(tmp_path: Path) -> None:
    """Averaged over a chip, a clear simulated date is a monotone function of the image's brightness."""
    values = np.linspace(40, 220, 4).astype(np.uint8)
    for number, value in enumerate(values):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((128, 128, 3), value)).save(folder / f"{number}.png")
    make_data(DataSettings(source="folder", path=str(folder), dates=1, cloudy_share=0), tmp_path / "out", dates=1)
    seen = []
    for split in SPLIT_FOLDERS:
        pairs = opened(tmp_path / "out", split, PairSettings(dates=1))
        seen += [(float(p.hr.mean()), float(p.lr.mean())) for p in map(pairs.pair, range(len(pairs)))]
    low = [lr for _, lr in sorted(seen)]
    assert low == sorted(low)


def test_nodata_chips_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = images(tmp_path / "in")
    values = np.random.default_rng(0).integers(10, 200, (3, 128, 256), np.uint8)
    values[:, :10, :10] = 0
    tiff(folder / "hole.tif", values, nodata=0)
    manifest = make_data(DataSettings(source="folder", path=str(folder), dates=2), tmp_path / "out", dates=2)
    assert manifest["left out while reading"] == {"black HR pixels": 1}


def test_dark_pixels_of_a_photograph_are_no_missing_data(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    pixels[3, 4] = 0
    Image.fromarray(pixels).save(tmp_path / "dark.png")
    read = read_hr(tmp_path / "dark.png")
    assert read[3, 4].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(read, np.maximum(pixels, 1))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_any_mode_are_read(tmp_path: Path, mode: str) -> None:
    gray = np.random.default_rng(0).integers(1, 255, (40, 50), np.uint8)
    image = Image.fromarray(gray.astype(np.uint16) * 200) if mode == "I;16" else Image.fromarray(gray).convert(mode)
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image.save(path)
    assert read_hr(path).shape == (40, 50, 3)


def test_transparent_and_undefined_pixels_are_missing_data(tmp_path: Path) -> None:
    rgba = np.full((20, 20, 4), 200, np.uint8)
    rgba[0, 0, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    values = np.random.default_rng(0).random((3, 20, 20), np.float32)
    values[1, 5, 6] = np.nan
    tiff(tmp_path / "a.tif", values)
    for name, hole in (("a.png", (0, 0)), ("a.tif", (5, 6))):
        image = read_hr(tmp_path / name)
        assert image[hole].tolist() == [0, 0, 0]
        assert (image == 0).all(axis=-1).sum() == 1


def test_a_large_image_is_one_region(tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (128, 128 * 17), "gray").save(tmp_path / f"{number}.png")
    make_data(DataSettings(source="folder", path=str(tmp_path), dates=1), tmp_path / "out", dates=1)
    for split in SPLIT_FOLDERS:
        assert opened(tmp_path / "out", split, PairSettings(dates=1)).index.region.nunique() == 1


def test_max_chips_takes_classes_in_turn(tmp_path: Path) -> None:
    settings = DataSettings(source="folder", path=str(images(tmp_path)), max_chips=3)
    assert len({Path(p.name).parent for p in list_images(settings)}) == 3


def test_geotiff_is_resampled_to_the_asked_distance(tmp_path: Path) -> None:
    path = tiff(tmp_path / "fine.tif", np.full((3, 200, 200), 90, np.uint8), gsd_m=1.2)
    assert read_hr(path, gsd_m=2.4).shape == (100, 100, 3)
    assert (read_hr(path, gsd_m=2.4) == 90).all()


def test_image_smaller_than_a_chip_is_counted(tmp_path: Path) -> None:
    folder = images(tmp_path / "in")
    Image.new("RGB", (100, 200), "gray").save(folder / "small.png")
    thirds = Splits(train=0.34, val=0.33, test=0.33)
    settings = DataSettings(source="folder", path=str(folder), dates=1, splits=thirds)
    manifest = make_data(settings, tmp_path / "out", dates=1)
    assert manifest["left out while reading"] == {"smaller than 128 px": 1}


@pytest.mark.parametrize("source", ["folder", "pairs"])
def test_empty_and_missing_folders_are_named(tmp_path: Path, source: str) -> None:
    for path, message in ((tmp_path, "holds no"), (tmp_path / "none", "is no folder"), ("", "is no folder")):
        with pytest.raises(FileNotFoundError, match=message):
            make_data(DataSettings(source=source, path=str(path)), tmp_path / "out", dates=1)
    assert not (tmp_path / "out").exists()


def test_truncated_geotiff_is_named(tmp_path: Path) -> None:
    path = tiff(tmp_path / "cut.tif", np.random.default_rng(0).integers(0, 255, (3, 300, 300), np.uint8))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"cut\.tif cannot be read"):
        read_hr(path)


def real_pair(folder: Path, name: str, dates: int = 2, lr: int = 32, hr: int = 128) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(1, 256, (hr, hr, 3), np.uint8)).save(folder / f"{name}_hr.png")
    for n in range(dates):
        Image.fromarray(rng.integers(1, 256, (lr, lr, 3), np.uint8)).save(folder / f"{name}_lr{n}.png")


def test_real_pairs_keep_their_own_pixels(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b[1]", "c", "d"):
        real_pair(tmp_path / "in", name, lr=64, hr=256)
    settings = DataSettings(source="pairs", path=str(tmp_path / "in"))
    manifest = make_data(settings, tmp_path / "out", dates=2)
    assert sum(found["places"] for found in manifest["splits"].values()) == 4 * 4
    chips = list(pair_chips(list_pairs(settings)[0]))
    with Image.open(tmp_path / "in" / "a_lr1.png") as image:
        np.testing.assert_array_equal(chips[3].bands["tci"][1], np.asarray(image)[32:, 32:])


def test_pair_of_another_scale_is_refused(tmp_path: Path) -> None:
    real_pair(tmp_path, "a", lr=40, hr=128)
    with pytest.raises(ValueError, match=r"expected HR to be 4 times LR"):
        next(pair_chips(list_pairs(DataSettings(source="pairs", path=str(tmp_path)))[0]))


def test_hr_without_lr_is_refused(tmp_path: Path) -> None:
    real_pair(tmp_path, "a", dates=0)
    with pytest.raises(FileNotFoundError, match=r"a_hr\.png has no LR frames"):
        list_pairs(DataSettings(source="pairs", path=str(tmp_path)))


def fail_at(monkeypatch: pytest.MonkeyPatch, error: BaseException, at: int) -> None:
    """Let the writing of chip number `at` fail."""
    write, count = make.write_chip, iter(range(100))

    def failing(folder: Path, chip: Chip) -> None:
        if next(count) == at:
            raise error
        write(folder, chip)

    monkeypatch.setattr(make, "write_chip", failing)


def test_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "data"
    make_data(SMALL, out, dates=2)
    before = tree_digest(out)
    fail_at(monkeypatch, OSError(errno.ENOSPC, "No space left on device"), at=1)
    with pytest.raises(OSError, match=r"the disk is full at .*free some space") as error:
        make_data(SMALL.model_copy(update={"seed": 9}), out, dates=2)
    assert "\n" not in str(error.value)
    assert tree_digest(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_interrupted_run_leaves_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, KeyboardInterrupt(), at=2)
    with pytest.raises(KeyboardInterrupt):
        make_data(SMALL, tmp_path / "data", dates=2)
    assert not (tmp_path / "data").exists()


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "MB_PER_CHIP", 1e12)
    with pytest.raises(OSError, match=r"MB free at .*expected .*: free some space"):
        make_data(SMALL, tmp_path / "data", dates=2)
    assert not list(tmp_path.iterdir())


def test_dates_of_some_chips_only_are_refused(tmp_path: Path) -> None:
    made = tmp_path / "made"
    make_data(SMALL.model_copy(update={"chips_per_side": 2}), made, dates=2)
    settings = DataSettings(source="s2naip", path=str(made / "files"), leakage="report")
    given = sorted((made / "files" / SPLIT_FOLDERS["val"] / "sentinel2").glob("*/dates.csv"))
    given[0].unlink()
    with pytest.raises(ValueError, match=r"11 of 12 usable chips have dates\.csv, expected all or none"):
        make_data(settings, tmp_path / "data", dates=2)
    for path in given[1:]:
        path.unlink()
    with pytest.raises(ValueError, match=r"8 of 12 usable chips"):  # a whole set without
        make_data(settings, tmp_path / "data", dates=2)
    assert not (tmp_path / "data").exists()
    for path in made.rglob("dates.csv"):
        path.unlink()
    found = make_data(settings, tmp_path / "data", dates=2)
    assert [each["dated"] for each in found["splits"].values()] == [0, 0, 0]
    assert found["dated"] is False


@pytest.mark.parametrize("old", [False, True])
def test_a_download_of_s2_naip_is_used_where_it_lies(old: bool, tmp_path: Path) -> None:
    there = published(tmp_path / "s2naip")
    weights = {f"{33488 + n}_48869": 1.0 + n for n in range(6)}
    (there / "train_tile_weights").mkdir()  # where the download unpacks them
    (there / "train_tile_weights" / "urban.json").write_text(json.dumps(weights))
    if old:
        there = convert_layout(there, tmp_path / "old", to_old)
    before = tree_digest(there)
    settings = DataSettings(source="s2naip", path=str(there))
    manifest = make_data(settings, tmp_path / "data", dates=4)
    assert [manifest["splits"][split]["places"] for split in ("train", "val", "test")] == [6, 3, 2]
    assert [found["dated"] for found in manifest["splits"].values()] == [0, 0, 0]
    assert manifest["name"] == "S2-NAIP"
    linked = (tmp_path / "data" / "files").rglob("*.*")
    assert sum(path.stat().st_size for path in linked) < 1000, "nothing is copied"
    pairs = opened(tmp_path / "data", "train", PairSettings(dates=4))
    expected = Pairs(S2NAIPOld(there, "train") if old else S2NAIP(there, "train"), PairSettings(dates=4))
    torch.testing.assert_close(pairs.pair(3).lr, expected.pair(3).lr)
    torch.testing.assert_close(pairs.pair(3).hr, expected.pair(3).hr)
    if not old:
        assert pairs.weights.tolist() == list(weights.values())
    assert tree_digest(there) == before
    image = next(there.glob("val_set/**/tci.png" if not old else "val_set/s2_condensed/**/*.png"))
    image.touch()
    changed = make_data(settings, tmp_path / "data", dates=4)
    earlier, later = manifest["splits"], changed["splits"]
    assert {split for split in SPLIT_FOLDERS if later[split]["sha256"] != earlier[split]["sha256"]} == {"val"}
    assert changed["digest"] != manifest["digest"]


def neighbours(folder: Path, step: int, side: int = 256) -> Path:
    """Nine tiles of one orthophoto, so many pixels of 2.4 m from each other."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for row, column in np.ndindex(3, 3):
        values = rng.integers(20, 230, (3, side, side)).astype(np.uint8)
        corner = from_origin(330_000 + column * step * 2.4, 5_822_040 - row * step * 2.4, 2.4, 2.4)
        kind = {"driver": "GTiff", "count": 3, "height": side, "width": side, "dtype": "uint8"}
        with rasterio.open(folder / f"{row}{column}.tif", "w", **kind, crs="EPSG:32633", transform=corner) as file:
            file.write(values)
    return folder


@pytest.mark.parametrize("step", [192, 256, 300])
def test_tiles_of_one_orthophoto_are_one_region(tmp_path: Path, step: int) -> None:
    """Overlapping, touching, and closer than a chip's side."""
    settings = DataSettings(source="folder", path=str(neighbours(tmp_path / "in", step)), dates=1)
    with pytest.raises(
        ValueError, match=r"9 images overlap or lie within 306 m of each other in 1 groups.*leakage: report"
    ):
        make_data(settings, tmp_path / "out", dates=1)
    reported = settings.model_copy(update={"leakage": "report"})
    manifest = make_data(reported, tmp_path / "out", dates=1)
    assert "split image by image" in manifest["notes"][0]
    # And the check of the made data sees it, by the files' own coordinates.
    readers = {split: S2NAIP.open(tmp_path / "out" / "files", split) for split in SPLIT_FOLDERS}
    assert (
        nearest_training_tiles(positions(readers)).distance_m.min() < 420
    )  # m, corner to corner; a chip is 306 m wide


def test_images_far_apart_are_regions_of_their_own(tmp_path: Path) -> None:
    settings = DataSettings(source="folder", path=str(neighbours(tmp_path / "in", 2_000)), dates=1)
    manifest = make_data(settings, tmp_path / "out", dates=1)
    assert manifest["notes"] == []
    readers = {split: S2NAIP.open(tmp_path / "out" / "files", split) for split in SPLIT_FOLDERS}
    # 2,000 px of 2.4 m less a tile's side, at most; corners are those of chips
    assert nearest_training_tiles(positions(readers)).distance_m.min() == pytest.approx((2_000 - 128) * 2.4, rel=0.01)


def test_what_was_not_checked_is_said(tmp_path: Path) -> None:
    """Images without coordinates, and pixels that are taken for another size."""
    folder = neighbours(tmp_path / "in", 2_000)
    for number in range(2):
        Image.new("RGB", (128, 128), "gray").save(folder / f"{number}.png")
    tiff(folder / "fine.tif", np.full((3, 512, 512), 90, np.uint8), gsd_m=0.3)
    manifest = make_data(DataSettings(source="folder", path=str(folder), dates=1), tmp_path / "out", dates=1)
    said = " | ".join(manifest["notes"])
    assert "2 of 12 images have no coordinates" in said
    assert re.search(r"pixels of 0\.(299|3) to 2\.4 m on the ground are taken for 2\.39 m", said)


def test_a_large_image_is_cut_as_it_lies(tmp_path: Path) -> None:
    """Blocks change nothing of HR, and no place."""
    values = np.random.default_rng(0).integers(20, 230, (3, 128 * 3, 128 * 2)).astype(np.uint8)
    path = tiff(tmp_path / "a.tif", values)
    settings = DataSettings(source="folder", path=str(tmp_path), dates=2, cloudy_share=0)
    whole = list(image_chips(settings, OwnImage("a.tif", 0, path), Counter()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("satsr.data.making.own_images.BLOCK", 1)
        parts = {chip.tile: chip for chip in image_chips(settings, OwnImage("a.tif", 0, path), Counter())}
    assert sorted(parts) == sorted(chip.tile for chip in whole)
    for chip in whole:
        np.testing.assert_array_equal(parts[chip.tile].hr, chip.hr)
        assert parts[chip.tile].position == chip.position


@pytest.mark.parametrize("name", ["._a.png", ".DS_Store.png"])
def test_stray_files_are_passed_over(tmp_path: Path, name: str) -> None:
    for number in range(3):
        Image.new("RGB", (128, 128), "gray").save(tmp_path / f"{number}.png")
    (tmp_path / name).write_bytes(bytes([0, 5, 22, 7]) + bytes(4092))
    assert len(list_images(DataSettings(source="folder", path=str(tmp_path)))) == 3
