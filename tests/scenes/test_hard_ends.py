"""The door under hard conditions: killed, on a full disk, where nothing can be written, of scenes that are odd."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio

from satsr.cli.app import main
from satsr.scenes.verify import verify
from tests.common.test_writing import full_disk
from tests.conftest import ROOT
from tests.made.make_safe import Made, write
from tests.scenes.scenes import BANDS, stacks

SAID = ("--level", "L2A", "--offset", "0")
SMALL = ("--window-px", "32")  # so that a small scene has many blocks
CLOUDY = np.ones((16, 16), bool)
HALF = np.arange(16)[:, None].repeat(16, axis=1) < 8


def words(paths: list[Path], out: Path, *more: str, model: str = "bicubic") -> list[str]:
    """Return a command line."""
    chosen = ("--model", model) if model else ()
    return ["super-resolve", *map(str, paths), "--output", str(out), *chosen, *more]


def run(monkeypatch: pytest.MonkeyPatch, *command: str) -> int:
    """Run a command line as a user does, but for a new process; return how it ends."""
    monkeypatch.setattr(sys, "argv", ["satsr", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A scene of nine blocks."""
    return stacks(tmp_path_factory.mktemp("scene"), 150)


@pytest.fixture(scope="module")
def whole(scene: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes out when nothing happens."""
    out = tmp_path_factory.mktemp("whole") / "out.tif"
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, *words(scene, out, *SAID, *SMALL)) == 0
    return out


def check_same(path: Path, other: Path) -> None:
    with rasterio.open(path) as one, rasterio.open(other) as two:
        np.testing.assert_array_equal(one.read(), two.read())
        np.testing.assert_array_equal(one.dataset_mask(), two.dataset_mask())
    assert verify(path).passed


def blocks_of(out: Path) -> dict[str, int]:
    """Return the blocks that an unfinished run left, and when they were written."""
    return {file.name: file.stat().st_mtime_ns for file in out.with_name(f".{out.name}.partial").glob("*-*.tif")}


def test_a_run_that_is_killed_goes_on(
    tmp_path: Path, scene: list[Path], whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.tif"
    command = words(scene, out, *SAID, *SMALL)
    with subprocess.Popen([sys.executable, "-m", "satsr.cli", *command], cwd=ROOT, stderr=subprocess.DEVNULL) as going:
        while len(blocks_of(out)) < 3 and going.poll() is None:
            time.sleep(0.002)
        going.send_signal(signal.SIGKILL)
    assert going.returncode == -signal.SIGKILL
    left = blocks_of(out)
    assert 3 <= len(left) < 9
    assert [path.name for path in tmp_path.iterdir()] == [".out.tif.partial"]
    assert run(monkeypatch, *command) == 0
    check_same(out, whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.tif"]


def test_on_a_full_disk_blocks_are_kept(
    tmp_path: Path,
    scene: list[Path],
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """First blocks do not fit, then the file of all; with room enough only what is missing is made."""
    out = tmp_path / "out.tif"
    command = words(scene, out, *SAID, *SMALL)
    for limit, kept in ((20_000, 0), (whole.stat().st_size // 2, 9)):
        with full_disk(limit):
            assert run(monkeypatch, *command) == 1
        said = capfd.readouterr().err.strip().splitlines()[-1]
        assert said.startswith("satsr: ")
        assert os.strerror(errno.EFBIG) in said
        assert "out.tif" in said
        assert len(blocks_of(out)) == kept
        assert [path.name for path in tmp_path.iterdir()] == [".out.tif.partial"]
    assert run(monkeypatch, *command) == 0
    check_same(out, whole)


@pytest.mark.parametrize("where", ["file/out.tif", "closed/out.tif", "there.tif", "folder.tif", "out.png"])
def test_where_nothing_can_be_written(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "there.tif").write_text("mine")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "closed").mkdir(mode=0o555)
    if where.startswith("closed") and os.access(tmp_path / "closed", os.W_OK):
        pytest.skip("this user may write everywhere")
    before = sorted(tmp_path.rglob("*"))
    scene = stacks(tmp_path / "in", 32)
    assert run(monkeypatch, *words(scene, tmp_path / where, *SAID)) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert Path(where).name in said
    assert sorted(path for path in tmp_path.rglob("*") if "in" not in path.parts) == before
    assert (tmp_path / "there.tif").read_text() == "mine"


# Odd scenes


@pytest.mark.parametrize("side", [1, 31, 32])
@pytest.mark.parametrize("model", ["bicubic", ""])
def test_a_scene_that_is_smaller_than_a_window(
    tmp_path: Path, side: int, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.tif"
    assert (
        run(monkeypatch, *words(stacks(tmp_path, 40), out, *SAID, "--window", f"3,5,{side},{side}", model=model)) == 0
    )
    with rasterio.open(out) as file:
        assert file.shape == (4 * side, 4 * side)
        assert (file.dataset_mask() > 0).all()
    if side > 1:
        alone = tmp_path / "alone.tif"
        assert run(monkeypatch, *words(stacks(tmp_path / "b", side), alone, *SAID, model=model)) == 0
        with rasterio.open(alone) as file:
            assert file.shape == (4 * side, 4 * side)
            assert (file.dataset_mask() > 0).all()
    assert verify(out).passed


@pytest.mark.slow
def test_a_scene_of_a_thousand_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No multiple of a window or a tile: every pixel is written, and a part by itself is the same."""
    scene, out, part = stacks(tmp_path, 1000), tmp_path / "out.tif", tmp_path / "part.tif"
    assert run(monkeypatch, *words(scene, out, *SAID)) == 0
    assert run(monkeypatch, *words(scene, part, *SAID, "--window", "901,477,99,63")) == 0
    with rasterio.open(out) as file, rasterio.open(part) as cut:
        assert file.shape == (4000, 4000)
        assert (file.dataset_mask() > 0).all()
        of_whole = file.read(window=((4 * 901, 4 * 1000), (4 * 477, 4 * 540))).astype(int)
        assert np.abs(of_whole - cut.read()).max() <= 4  # a thousandth of white


@pytest.mark.parametrize(
    ("cloud", "dark", "more", "message"),
    [
        (
            CLOUDY,
            False,
            (),
            r"no date can be used \(.*: shows nothing of the window: 0% no data, 100% cloud\): give other",
        ),
        (None, True, (), r"no date can be used \(.*: shows nothing of the window: 100% no data, .*\): give other"),
        (
            HALF,
            False,
            ("--window", "0,0,40,96"),
            "none of the dates that are used shows anything of the area .*100% cloud",
        ),
    ],
    ids=["clouds", "black", "clouds over the area"],
)
def test_a_scene_that_shows_nothing(
    tmp_path: Path,
    cloud: np.ndarray | None,
    dark: bool,
    more: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = {band: np.zeros((96, 96), np.uint16) for band in BANDS} if dark else {}
    product = write(tmp_path / "in", Made(bands=BANDS, cloud=cloud, counts=counts))
    assert run(monkeypatch, *words([product], tmp_path / "out.tif", *more)) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(message, said)
    assert "--clouds none" in said
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


# Memory, and other people's readers

PEAK = """
import resource, sys
from satsr.cli.app import app
app(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kb(command: list[str]) -> int:
    done = subprocess.run([sys.executable, "-c", PEAK, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a peak has another unit")
def test_memory_does_not_grow_with_the_scene(tmp_path: Path) -> None:
    """Four times the pixels, the same peak: both scenes have more blocks than are in memory at a time.

    The output of the larger one is 52 MB, more than a twentieth of what is loaded before it begins.
    """
    wide = ("--window-px", "64", "--kind", "float32")
    peaks = [
        peak_kb(words(stacks(tmp_path / f"{side}", side), tmp_path / f"{side}.tif", *SAID, *wide))
        for side in (260, 520)
    ]
    assert peaks[1] < 1.05 * peaks[0]


def test_odc_stac_opens_it_by_its_item(whole: Path) -> None:
    pystac, odc = pytest.importorskip("pystac"), pytest.importorskip("odc.stac")
    item = pystac.Item.from_dict(json.loads(whole.with_suffix(".json").read_text()))
    item.set_self_href(str(whole.with_suffix(".json")))
    item.make_asset_hrefs_absolute()
    found = odc.load([item])
    with rasterio.open(whole) as file:
        assert found.odc.crs.epsg == file.crs.to_epsg()
        for number, name in enumerate(found.data_vars, start=1):
            np.testing.assert_array_equal(found[name].values[0], file.read(number))
