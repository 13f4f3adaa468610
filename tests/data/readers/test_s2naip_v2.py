"""The reader of AI2-S2-NAIP: a folder and its shards read alike, values, dates, index and truncated shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rasterio.warp import transform

from satsr.data.reader import days_since_1970
from satsr.data.readers.s2naip_v2 import S2NAIPv2, halved, place_of, split_of
from satsr.data.readers.tar_files import INDEX_FILE, TarFiles
from tests.made import make_s2naip_v2 as made

RGB = ("red", "green", "blue")
TILE = made.TILES[0]


def all_in_train(folder: Path) -> S2NAIPv2:
    """Open a folder whose tiles are all put into one training region by the sidecar."""
    region = next(name for name in map(str, range(100)) if split_of(name) == "train")
    (folder / "regions.json").write_text(json.dumps(dict.fromkeys(made.TILES, region)))
    return S2NAIPv2(folder, "train")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("v2")
    return made.write(root / "folder"), made.write_shards(root / "shards")


@pytest.fixture(params=["folder", "shards"])
def reader(request: pytest.FixtureRequest, written: tuple[Path, Path]) -> S2NAIPv2:
    return all_in_train(written[request.param == "shards"])


def test_values_of_dates_and_bands(reader: S2NAIPv2) -> None:
    assert list(reader.tiles) == sorted(made.TILES)
    sample = reader.sample(TILE, RGB)
    assert sample.series.shape == (3, 64, 64, 3)
    assert sample.series[:, 0, 0].tolist() == [[made.value(t, 8, b) for b in (2, 1, 0)] for t in range(3)]
    assert sample.series[1, 63, 0, 0] - sample.series[1, 0, 0, 0] == 7  # rows grow downwards
    assert sample.series[1, 0, 8, 0] - sample.series[1, 0, 0, 0] == 100  # columns to the right
    assert sample.white == 8160
    assert sample.good.all()
    assert sample.valid.all()


def test_coarse_bands_are_repeated_onto_the_grid_of_10_m(reader: S2NAIPv2) -> None:
    sample = reader.sample(TILE, ("b01", "b05", "b08", "b8a"))
    groups = ((32, 0), (16, 0), (8, 3), (16, 5))  # b8a comes last in the authors' program
    assert sample.series[2, 0, 0].tolist() == [made.value(2, group, band) for group, band in groups]
    coarse = sample.series[0, ..., 0]
    assert (coarse == coarse[::4, ::4].repeat(4, 0).repeat(4, 1)).all()
    assert coarse[0, 31] == coarse[0, 0]
    assert coarse[0, 32] == coarse[0, 0] + 100  # column 8 of 16 begins at column 32 of 64


def test_hr_is_naip_averaged_over_two_by_two_pixels(reader: S2NAIPv2) -> None:
    sample, naip = reader.sample(TILE, RGB), made.naip(TILE)
    assert sample.hr.shape == (256, 256, 3)
    assert sample.hr.dtype == np.uint8
    expected = naip[20:22, 100:102, :3].mean(axis=(0, 1))
    np.testing.assert_array_equal(sample.hr[10, 50], np.floor(expected + 0.5))
    assert sample.unusable == ""
    flat = np.full((4, 4, 3), 200, np.uint8)
    np.testing.assert_array_equal(halved(flat), flat[:2, :2])


def test_dates_come_from_the_tables(reader: S2NAIPv2) -> None:
    sample = reader.sample(TILE, RGB)
    assert sample.days.tolist() == [days_since_1970(day) for day in made.TAKEN]
    assert sample.day == days_since_1970(made.NAIP_TAKEN)  # taken, not processed in December


def test_extras_lie_on_the_hr_grid(reader: S2NAIPv2) -> None:
    extras = reader.extras(TILE)
    np.testing.assert_array_equal(extras["old_hr"], halved(made.naip(TILE, older=True)[..., :3]))
    np.testing.assert_array_equal(extras["near_infrared"], halved(made.naip(TILE)[..., 3:])[..., 0])
    assert extras["objects"] == {"building": [(50, 20, 61, 30)], "road": [(0, 0, 5, 256)]}
    assert np.argwhere(extras["labels"] == 50).tolist() == [[r, c] for r in range(20, 24) for c in range(36, 40)]


def test_files_exist(reader: S2NAIPv2) -> None:
    assert all(path.is_file() for path in reader.files(TILE))


def test_regions_are_shards_and_make_the_split(written: tuple[Path, Path]) -> None:
    (written[0] / "regions.json").unlink(missing_ok=True)
    found = {split: S2NAIPv2(written[0], split) for split in ("train", "val", "test")}
    assert sorted(tile for reader in found.values() for tile in reader.tiles) == sorted(made.TILES)
    assert found["val"].region("32612_960_-6049") == "32612_30_-190"
    assert found["val"].region("32612_992_-6049") != found["val"].region("32612_991_-6049")
    counts = [sum(split_of(f"32610_{n}_-100") == split for n in range(2000)) for split in found]
    assert np.allclose(np.array(counts) / 2000, (0.8, 0.1, 0.1), atol=0.03)


def test_position_is_that_of_the_utm_tile(reader: S2NAIPv2) -> None:
    for tile in reader.tiles:
        epsg, col, row = map(int, tile.split("_"))
        x, y = transform(f"EPSG:{epsg}", "EPSG:3857", [640.0 * col], [-640.0 * row])
        assert reader.position(tile) == pytest.approx((x[0], y[0]), abs=0.01)
        assert -15e6 < x[0] < -7e6  # the United States
        assert 2e6 < y[0] < 7e6


def test_index_is_built_once_and_only_new_shards_are_read(tmp_path: Path) -> None:
    made.write_tar(tmp_path / "a_1" / "1.tar", {"a/x": b"first", "a/y": b""})
    store = TarFiles(tmp_path, [tmp_path / "a_1" / "1.tar"])
    assert store.open("a/x") == b"first"
    assert store.open("a/y") == b""
    assert store.names("a") == ["x", "y"]
    index = pd.read_parquet(tmp_path / INDEX_FILE)
    index.loc[index.name == "a/x", "size"] = 2  # a mark that shows whether the header is read again
    index.to_parquet(tmp_path / INDEX_FILE)
    made.write_tar(tmp_path / "a_1" / "2.tar", {"a/z": b"third"})
    store = TarFiles(tmp_path, sorted(tmp_path.glob("a_1/*.tar")))
    assert store.open("a/x") == b"fi"
    assert store.open("a/z") == b"third"
    made.write_tar(tmp_path / "a_1" / "1.tar", {"a/x": b"first" * 5000})  # of another size
    assert len(TarFiles(tmp_path, sorted(tmp_path.glob("a_1/*.tar"))).open("a/x")) == 25000
    (tmp_path / "a_1" / "2.tar").unlink()
    assert TarFiles(tmp_path, sorted(tmp_path.glob("a_1/*.tar"))).names("a") == ["x"]


@pytest.mark.parametrize("keep", [100, 700, 512 + 1024, 2 * (512 + 1024), 2 * (512 + 1024) + 300])
def test_truncated_shard_is_one_clear_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "sentinel2_32612" / "32612_30_-190.tar"
    made.write_tar(path, {f"sentinel2/{n}": bytes([n + 1]) * 1000 for n in range(3)})
    path.write_bytes(path.read_bytes()[:keep])  # also exactly between two members
    with pytest.raises(ValueError, match=r"32612_30_-190\.tar is truncated.*download that shard again"):
        S2NAIPv2(tmp_path, "train")
    assert not (tmp_path / INDEX_FILE).exists()


def test_shard_that_shrinks_under_the_index(tmp_path: Path) -> None:
    path = tmp_path / "a_1" / "1.tar"
    made.write_tar(path, {"a/x": b"abc" * 400})
    store = TarFiles(tmp_path, [path])
    path.write_bytes(path.read_bytes()[:800])
    with pytest.raises(ValueError, match=r"1\.tar: 288 bytes of a/x, expected 1200"):
        store.open("a/x")


def test_damaged_index_says_what_to_do(tmp_path: Path) -> None:
    made.write_tar(tmp_path / "a_1" / "1.tar", {"a/x": b"abc"})
    (tmp_path / INDEX_FILE).write_bytes(b"not parquet")
    with pytest.raises(ValueError, match=r"members\.parquet cannot be read .*delete it"):
        TarFiles(tmp_path, [tmp_path / "a_1" / "1.tar"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path)


def test_zeros_are_not_valid(folder: Path) -> None:
    path = folder / "naip" / f"{TILE}.png"
    image = made.naip(TILE)
    image[7, 9] = 0
    Image.fromarray(image).save(path)
    sample = all_in_train(folder).sample(TILE, RGB)
    assert sample.unusable == "black HR pixels"
    assert np.argwhere(~sample.hr_valid).tolist() == [[3, 4]]


def test_without_tables_there_are_no_dates(folder: Path) -> None:
    (folder / "sentinel2.csv").unlink()
    (folder / "naip.csv").unlink()
    sample = all_in_train(folder).sample(TILE, RGB)
    assert np.isnan(sample.days).all()
    assert np.isnan(sample.day)


def test_bad_tables_and_files(folder: Path) -> None:
    table = (folder / "sentinel2.csv").read_text()
    (folder / "sentinel2.csv").write_text("\n".join(table.splitlines()[:2]) + "\n")
    with pytest.raises(ValueError, match=rf"1 scenes of {TILE}, expected 3"):
        all_in_train(folder).sample(TILE, RGB)
    (folder / "sentinel2.csv").write_text(table.replace("scene", "name"))
    with pytest.raises(ValueError, match="got no column scene, expected projection, col"):
        all_in_train(folder).sample(TILE, RGB)
    path = folder / "sentinel2" / f"{TILE}_8.tif"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=rf"sentinel2/{TILE}_8\.tif cannot be read"):
        all_in_train(folder).sample(TILE, RGB)
    path.write_bytes(made.tiff(TILE, 16))
    with pytest.raises(ValueError, match=r"expected \(T \* 4, 64, 64\), got \(18, 32, 32\)"):
        all_in_train(folder).sample(TILE, RGB)
    (folder / "sentinel2" / f"{TILE}_16.tif").unlink()
    with pytest.raises(FileNotFoundError, match=rf"{TILE}_16\.tif is missing"):
        all_in_train(folder).sample(TILE, ("b05",))


def test_bad_requests(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="got band 'tci', expected one of red"):
        all_in_train(folder).sample(TILE, ("tci",))
    with pytest.raises(ValueError, match=r"expected \{epsg\}_\{col\}_\{row\}"):
        place_of("960_-6049")
    with pytest.raises(FileNotFoundError, match="found neither"):
        S2NAIPv2(tmp_path_factory.mktemp("empty"), "train")
