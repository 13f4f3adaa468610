"""What is written is a COG with exact numbers and place; a stop at any time costs nothing, a failure only time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rio_cogeo import cog_validate

from satsr.scenes.block_file import JOURNAL, Band, Block, store
from satsr.scenes.cog import finish
from satsr.scenes.overviews import halved
from tests.common.test_writing import full_disk
from tests.conftest import ROOT
from tests.scenes.blocks import BANDS, PLACE, SHAPE, cut, fill, filled, finished, layout, opened, scene

UNWRITABLE = "is a folder|Not a directory|File exists"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of a run that was never stopped."""
    path = tmp_path_factory.mktemp("whole") / "OUT.tif"
    with filled(path) as blocks:
        finish(blocks, tags={"TIFFTAG_SOFTWARE": "satsr", "note": 'Rügen <&> "x"'})
    return path


def test_pixels_mask_and_words_come_back(whole: Path) -> None:
    image, shown = scene()
    with rasterio.open(whole) as file:
        np.testing.assert_array_equal(file.dataset_mask() > 0, shown)
        np.testing.assert_array_equal(file.read(), np.where(shown, image, 0))  # nothing hides under the mask
        assert (file.descriptions, set(file.dtypes)) == (("red", "green", "blue", "b08"), {"uint16"})
        assert [colour.name for colour in file.colorinterp] == ["red", "green", "blue", "undefined"]
        assert (set(file.scales), set(file.offsets), file.nodata) == ({1e-4}, {0.0}, None)
        assert (file.tags()["TIFFTAG_SOFTWARE"], file.tags()["note"]) == ("satsr", 'Rügen <&> "x"')
        assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
    assert list(whole.parent.iterdir()) == [whole]  # the mask is inside, and nothing is left over


def test_it_is_a_cog(whole: Path) -> None:
    assert cog_validate(whole, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(whole) as file:
        assert (file.block_shapes[0], file.overviews(1)) == ((512, 512), [2, 4])


def test_a_control_point_lies_where_it_is(whole: Path) -> None:
    with rasterio.open(whole) as file:
        assert tuple(file.transform) == tuple(PLACE)
        assert file.crs == CRS.from_epsg(32633)
        # 1000 columns and 500 rows from the corner, in decimals
        column, row = ~file.transform @ (399_960.123456789 + 2500.0, 5_600_000.1 - 1250.0)
        assert (column, row) == (pytest.approx(1000, abs=1e-6), pytest.approx(500, abs=1e-6))


def test_overviews_are_means_of_what_shows_something(tmp_path: Path) -> None:
    """Bright ground in front of nothing stays as bright; with a mask and with a number for no data."""
    shown = np.ones(SHAPE, bool)
    shown[:, 601:] = False
    for number, nodata in enumerate((None, 65535.0)):
        with opened(tmp_path / f"{number}.tif", changes={"nodata": nodata}) as blocks:
            for block in blocks.missing():
                blocks.write(block, np.full((4, block.height, block.width), 3000, np.uint16), shown[cut(block)])
            path = finish(blocks)
        for level in (0, 1):
            with rasterio.open(path, overview_level=level) as file:
                seen = file.dataset_mask() > 0
                assert set(np.unique(file.read()[:, seen])) == {3000}
                assert seen.sum() == file.height * -(-601 // 2 ** (level + 1))


def test_overviews_of_noise_are_those_of_numpy(whole: Path) -> None:
    image, shown = scene()
    rows, columns = (n // 2 for n in SHAPE)
    sums = np.where(shown, image, 0)[:, : 2 * rows, : 2 * columns].reshape(4, rows, 2, columns, 2).sum(axis=(2, 4))
    count = shown[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).sum(axis=(1, 3))
    with rasterio.open(whole, overview_level=0) as file:
        seen, there = file.dataset_mask()[:rows, :columns] > 0, file.read()[:, :rows, :columns]
    np.testing.assert_array_equal(seen, count > 0)
    assert np.abs(there[:, seen] - (sums[:, seen] / count[seen])).max() <= 0.5


def test_halving_keeps_what_has_no_neighbour() -> None:
    image = np.array([[[1, 2, 7], [3, 4, 9], [5, 8, 6]]], np.uint8)
    small, seen = halved(image, np.array([[True, True, False], [True, True, True], [False, False, True]]))
    np.testing.assert_array_equal(small, [[[3, 9], [0, 6]]])  # 2.5 is rounded up
    np.testing.assert_array_equal(seen, [[True, True], [False, True]])


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 255.0), ("int16", -9999.0), ("float32", float("nan"))])
def test_every_kind_of_number(tmp_path: Path, dtype: str, nodata: float | None) -> None:
    image, shown = scene()
    image = (image % 251).astype(dtype)
    with opened(tmp_path / "a.tif", changes={"dtype": dtype, "nodata": nodata}) as blocks:
        for block in blocks.missing():
            blocks.write(block, image[:, *cut(block)], shown[cut(block)])
        path = finish(blocks, compression="zstd")
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.dataset_mask() > 0, shown)
        np.testing.assert_array_equal(file.read()[:, shown], image[:, shown])
        np.testing.assert_equal(file.nodata, nodata)


def test_a_number_that_happens_to_say_no_data_takes_the_next(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tif", changes={"nodata": 0, "height": 2, "width": 2, "bands": BANDS[:1]}) as blocks:
        blocks.write(
            Block(0, 0, 2, 2), np.array([[[0, 5], [6, 7]]], np.uint16), np.array([[True, True], [True, False]])
        )
        path = finish(blocks)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), [[1, 5], [6, 0]])


def test_grids_of_any_kind(tmp_path: Path) -> None:
    """Degrees, one that has no number, and a turned one."""
    own = CRS.from_string("+proj=laea +lat_0=50 +lon_0=12 +datum=WGS84 +units=m")
    turned = PLACE @ PLACE.rotation(10)
    for number, (crs, place) in enumerate([(CRS.from_epsg(4326), PLACE.scale(1e-5)), (own, PLACE), (own, turned)]):
        changes = {
            "crs": crs,
            "transform": place,
            "height": 20,
            "width": 30,
            "bands": (Band("gray", "gray", 2.0, 1.0, "m"),),
        }
        with opened(tmp_path / f"{number}.tif", changes=changes) as blocks:
            blocks.write(Block(0, 0, 20, 30), np.ones((1, 20, 30), np.uint16))
            path = finish(blocks)
        with rasterio.open(path) as file:
            assert (tuple(file.transform), file.crs) == (tuple(place), crs)
            assert (file.scales, file.offsets, file.units) == ((2.0,), (1.0,), ("m",))


KILLED = """
import os, signal, sys
from pathlib import Path
from satsr.scenes import block_file, cog
from tests.scenes.blocks import fill, opened, scene

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half_a_line(self, block, done):
    self._journal.write(block_file._line({"block": block, "file": 1})[:-9])
    self._journal.flush()
    kill()

def stored_by_another(blocks):
    image, shown = scene()
    for block in blocks.missing():
        there = blocks.folder / "arriving.tif"
        part = (slice(block.row, block.row + block.height), slice(block.column, block.column + block.width))
        blocks.take(block, there, block_file.store(there, blocks.layout, block, image[:, *part], shown[part]))

blocks = opened(Path(sys.argv[2]))
fill(blocks, 3)
if sys.argv[1] == "between block and journal":
    block_file.BlockFile._note = kill
elif sys.argv[1] == "in the journal":
    block_file.BlockFile._note = half_a_line
elif sys.argv[1] == "after another process stored it":
    block_file.BlockFile._note = kill
    stored_by_another(blocks)
else:
    cog._check = kill
fill(blocks)
cog.finish(blocks)
"""


@pytest.mark.parametrize(
    "when", ["between block and journal", "in the journal", "after another process stored it", "before it has its name"]
)
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, whole: Path, when: str) -> None:
    path = tmp_path / "OUT.tif"
    code = [sys.executable, "-c", KILLED, when, str(path)]
    assert subprocess.run(code, cwd=ROOT).returncode == -signal.SIGKILL
    assert not path.exists()
    with opened(path) as blocks:
        assert len(blocks.blocks()) - len(blocks.missing()) == (6 if when.startswith("before") else 3)
        fill(blocks)
        finish(blocks, tags={"TIFFTAG_SOFTWARE": "satsr", "note": 'Rügen <&> "x"'})
    assert path.read_bytes() == whole.read_bytes()


def test_a_block_that_the_disk_lost_is_made_again(tmp_path: Path) -> None:
    with filled(tmp_path / "a.tif") as blocks:
        first, second, *_ = blocks.blocks()
        blocks.file(first).unlink()
        content = bytearray(blocks.file(second).read_bytes())
        content[len(content) // 2] ^= 1
        blocks.file(second).write_bytes(content)
    with opened(tmp_path / "a.tif") as again:
        assert again.missing() == [first, second]


def test_a_block_that_another_process_stored_is_kept(tmp_path: Path, whole: Path) -> None:
    image, shown = scene()
    with opened(tmp_path / "OUT.tif") as blocks:
        for block in blocks.missing():
            there = blocks.folder / "arriving.tif"
            blocks.take(block, there, store(there, layout(), block, image[:, *cut(block)], shown[cut(block)]))
        with pytest.raises(FileNotFoundError):
            blocks.take(block, there, blocks.done(block))
        with pytest.raises(ValueError, match="expected one of blocks"):
            blocks.take(Block(0, 0, 512, 511), there, blocks.done(block))
        finish(blocks, tags={"TIFFTAG_SOFTWARE": "satsr", "note": 'Rügen <&> "x"'})
    assert (tmp_path / "OUT.tif").read_bytes() == whole.read_bytes()


def test_another_job_does_not_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with opened(path) as blocks:
        fill(blocks, 2)
    with pytest.raises(ValueError, match=r"other inputs, model or options was stopped .*a\.tif: .*--no-resume") as said:
        opened(path, "another key")
    assert "\n" not in str(said.value)
    with pytest.raises(ValueError, match="with other dtype, nodata was stopped"):
        opened(path, changes={"dtype": "uint8", "nodata": 0})
    with opened(path) as blocks:
        assert len(blocks.missing()) == 4  # refusing lost nothing
    with opened(path, "another key", anew=True) as blocks:
        assert len(blocks.missing()) == 6
        assert [file.name for file in blocks.folder.iterdir()] == [JOURNAL]


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tif"), pytest.raises(BlockingIOError, match="written by another process: wait"):
        opened(tmp_path / "a.tif")
    opened(tmp_path / "a.tif").close()


def test_what_is_there_stays_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for there in (path, path.with_suffix(".json")):
        there.write_text("good")
        with pytest.raises(FileExistsError, match=rf"{there.name} is there already: .*--overwrite"):
            opened(path)
        there.unlink()
    assert not list(tmp_path.iterdir())
    path.mkdir()
    with pytest.raises(FileExistsError, match="is a folder"):
        opened(path, overwrite=True)
    with pytest.raises(ValueError, match=r"got a\.png, expected a name that ends in \.tif"):
        opened(tmp_path / "a.png")


def test_the_old_image_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("old")
    with filled(path, overwrite=True) as blocks:
        assert path.read_text() == "old"
        finish(blocks)
    with rasterio.open(path) as file:
        assert file.shape == SHAPE


def test_blocks_that_are_missing_or_do_not_fit(tmp_path: Path) -> None:
    with opened(tmp_path / "a.tif") as blocks:
        with pytest.raises(ValueError, match=r"6 of 6 blocks of .*a\.tif are missing"):
            finish(blocks)
        block = blocks.blocks()[0]
        for image, said in [
            (np.zeros((4, 512, 511), np.uint16), r"got uint16 \(4, 512, 511\), expected uint16 \(4, 512, 512\)"),
            (np.zeros((4, 512, 512), np.uint8), r"got uint8 .*, expected uint16"),
        ]:
            with pytest.raises(ValueError, match=said):
                blocks.write(block, image)
        with pytest.raises(ValueError, match=r"got a mask uint8 .*, expected bool"):
            blocks.write(block, np.zeros((4, 512, 512), np.uint16), np.ones((512, 512), np.uint8))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="expected one of blocks"):
            blocks.write(Block(1, 0, 512, 512), np.zeros((4, 512, 512), np.uint16))
    with opened(tmp_path / "b.tif", changes={"dtype": "float32"}) as blocks:
        image = np.full((4, 512, 512), np.nan, np.float32)
        with pytest.raises(ValueError, match="got NaN or infinity at row 0, column 0: mask such pixels"):
            blocks.write(block, image)
        blocks.write(block, image, np.zeros((512, 512), bool))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dtype": "float64"}, "got float64, expected one of uint8"),
        ({"bands": ()}, "of 0 bands, expected at least one"),
        ({"nodata": -1}, "got -1 for no data, expected a number that uint16 holds"),
        ({"nodata": float("nan")}, "got nan for no data"),
    ],
)
def test_no_such_raster(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        layout(**changes)


def test_a_full_disk_while_blocks_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with opened(path) as blocks:
        fill(blocks, 1)
        with full_disk(20_000), pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            fill(blocks)
    with opened(path) as blocks:
        assert len(blocks.missing()) == 5


@pytest.mark.parametrize("share", [0.01, 0.9, 0.9999])
def test_a_full_disk_at_the_end(tmp_path: Path, whole: Path, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    """GDAL may then end as if all were well: a file that is not whole must not pass."""
    path = tmp_path / "a.tif"
    path.write_text("old")
    with filled(path, overwrite=True) as blocks:
        limit = int(share * whole.stat().st_size)
        with full_disk(limit), pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as said:
            finish(blocks)
        assert (said.value.errno, "\n" in str(said.value)) == (errno.EFBIG, False)
        assert path.read_text() == "old"
        assert not (blocks.folder / "a.tif").exists()
        assert not blocks.missing()  # they wait for more room
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_not_what_was_written_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from satsr.scenes import cog

    usual = cog._translate

    def other(blocks: Any, made: Path, *rest: Any) -> None:
        usual(blocks, made, *rest)
        with rasterio.open(made, "r+", IGNORE_COG_LAYOUT_BREAK=True) as file:
            file.write(file.read(1, window=((0, 1), (1000, 1001))) + 1, 1, window=((0, 1), (1000, 1001)))

    monkeypatch.setattr(cog, "_translate", other)
    with filled(tmp_path / "a.tif") as blocks, pytest.raises(OSError, match="not written as it should be"):
        finish(blocks)
    assert not (tmp_path / "a.tif").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=UNWRITABLE) as said:
        opened(tmp_path / "file" / "a.tif")
    assert "\n" not in str(said.value)


def test_a_record_that_cannot_be_made_leaves_no_file(tmp_path: Path) -> None:
    def fails(_: Path) -> str:
        raise ValueError("no such day")

    with filled(tmp_path / "a.tif") as blocks, pytest.raises(ValueError, match="no such day"):
        finish(blocks, item=fails)
    assert [file.name for file in tmp_path.iterdir()] == [".a.tif.partial"]


def test_a_name_that_is_awkward(tmp_path: Path) -> None:
    path = finished(tmp_path / "my [scene] & ünë 100%.tif")
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.with_suffix(".json").name, path.name]


PEAK = """
import json, sys
from pathlib import Path
import numpy as np
from satsr.scenes import cog
from satsr.scenes.block_file import Band, BlockFile
from tests.scenes.blocks import layout

def peak():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")).split()[1])

side = 4 * int(sys.argv[1])
ramp = np.add.outer(np.arange(1024), np.arange(1024))
cog.COPY += "; " + f"import pathlib; print(next(x for x in pathlib.Path('/proc/self/status').open() if 'VmHWM' in x))"
ran = []
usual = cog.subprocess.run
cog.subprocess.run = lambda *a, **k: ran.append(usual(*a, **k)) or ran[-1]
shape = layout(height=side, width=side, bands=(Band("gray", "gray"),), dtype="uint8")
with BlockFile.open(Path(sys.argv[2]), shape, "") as blocks:
    for block in blocks.missing():
        part = ramp[: block.height, : block.width]
        blocks.write(block, (part // 8 % 251)[None].astype(np.uint8), part % 97 > 0)
    cog.finish(blocks)
print(json.dumps([peak(), int(ran[0].stdout.split()[1])]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux")
def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    """Peaks of this process and of the one that writes, in kB, at a quarter of the pixels and at all of them."""
    peaks = []
    for side in (1373, 2745):
        code = [sys.executable, "-c", PEAK, str(side), str(tmp_path / f"{side}.tif")]
        said = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        peaks.append([int(kb) for kb in said.strip("[] \n").split(",")])
    for small, large in zip(*peaks, strict=True):
        assert large < 1.05 * small + 15_000
        assert large < 300_000
