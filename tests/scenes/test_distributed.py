"""Blocks on other processes: the same pixels, whatever dies on the way, and one clear line where it cannot be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import psutil
import pytest
import rasterio
from distributed import Scheduler, SpecCluster, Worker
from typer.testing import CliRunner

from satsr.cli.app import app
from satsr.models.files import save_model
from satsr.scenes import distributed
from satsr.scenes import super_resolve as door
from satsr.scenes.block_file import Block, BlockFile
from satsr.scenes.distributed import ARRIVING, Asked, Cluster, Given, run_on
from satsr.scenes.job import Area, Job
from satsr.scenes.super_resolve import super_resolve
from satsr.scenes.verify import verify
from tests.conftest import ROOT
from tests.scenes.scenes import products
from tests.scenes.test_apply import PLAIN, esrgan

AREA = Area(window=(10, 12, 72, 72))
HOW = replace(PLAIN, side=16, consistent=False)  # nine blocks, which take no time


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("given")
    cloud = np.zeros((16, 16), bool)
    cloud[4:6, 7:9] = True
    save_model(esrgan(), folder / "model")
    return Given(products(folder / "in", clouds=[cloud] * 3), folder / "model", AREA, HOW, {})


@pytest.fixture(scope="module")
def job(given: Given) -> Job:
    return given.prepare()


@pytest.fixture(scope="module")
def alone(given: Given, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of one process."""
    path = tmp_path_factory.mktemp("alone") / "OUT.tif"
    super_resolve(given.paths, path, given.model, area=AREA, how=HOW)
    return path


def in_this_process(workers: int) -> SpecCluster:
    """Return a scheduler, and workers of one thread that see what is patched here."""
    shared = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    worker = {"cls": Worker, "options": {**shared, "nthreads": 1}}
    scheduler = {"cls": Scheduler, "options": shared}
    return SpecCluster(workers={n: worker for n in range(workers)}, worker=worker, scheduler=scheduler)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[Cluster]:
    with in_this_process(1) as cluster:
        yield Cluster(cluster.scheduler_address)


@pytest.fixture(autouse=True)
def _new_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker in this process has prepared nothing yet."""
    monkeypatch.setattr(distributed, "_JOBS", {})


@contextmanager
def opened(path: Path, job: Job) -> Iterator[BlockFile]:
    with BlockFile.open(path, job.layout, job.key, block_px=job.block_px) as blocks:
        yield blocks


def assert_same_pixels(one: Path, other: Path) -> None:
    with rasterio.open(one) as first, rasterio.open(other) as second:
        np.testing.assert_array_equal(first.read(), second.read())
        np.testing.assert_array_equal(first.dataset_mask(), second.dataset_mask())


def test_the_command_line_with_a_scheduler(scheduler: Cluster, given: Given, alone: Path, tmp_path: Path) -> None:
    out = tmp_path / "OUT.tif"
    options = ["--model", str(given.model), "--window", "10,12,72,72", "--window-px", "16", "--free"]
    options += ["--register-px", "0", "--precision", "32-true"]
    command = ["super-resolve", *map(str, given.paths), "--output", str(out), *options]
    CliRunner().invoke(app, [*command, "--scheduler", str(scheduler.scheduler)], catch_exceptions=False)
    assert_same_pixels(out, alone)
    assert verify(out).passed
    assert sorted(file.name for file in tmp_path.iterdir()) == ["OUT.json", "OUT.tif"]


def worker_processes() -> list[psutil.Process]:
    """Return the processes of a local cluster, the oldest first."""
    found = [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
    return sorted(found, key=psutil.Process.create_time)


@pytest.mark.slow
def test_a_worker_that_dies_loses_no_block(
    given: Given, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes compute; one is killed in the middle of its block, and another starts in its place."""
    usual, killed = door.run_on, []

    def deadly(*arguments: Any) -> Iterator[tuple[Block, float]]:
        for number, one in enumerate(usual(*arguments)):
            if number == 3:
                victim = worker_processes()[0]
                victim.send_signal(signal.SIGKILL)
                killed.append(victim.pid)
            yield one

    monkeypatch.setattr(door, "run_on", deadly)
    out, before = tmp_path / "OUT.tif", dict(os.environ)
    super_resolve(given.paths, out, given.model, area=AREA, how=HOW, cluster=Cluster(workers=2))
    assert killed
    assert_same_pixels(out, alone)
    assert not worker_processes()
    assert dict(os.environ) == before


def test_a_stopped_client_goes_on_alone(
    scheduler: Cluster, given: Given, job: Job, alone: Path, tmp_path: Path
) -> None:
    """Every block that came is noted, and what is left of the others does no harm."""
    out = tmp_path / "OUT.tif"
    with opened(out, job) as blocks:
        computing = run_on(scheduler, given, job, blocks)
        came = [next(computing)[0] for _ in range(3)]
        computing.close()
        stray = blocks.folder / f"{ARRIVING}of-a-killed-client"
        stray.mkdir()
        (stray / "0-0.tif").write_text("half")
    with opened(out, job) as blocks:
        assert set(blocks.blocks()) - set(blocks.missing()) == set(came)
        rest = {block for block, _ in run_on(scheduler, given, job, blocks)}
        assert rest == set(blocks.blocks()) - set(came)
        assert not list(blocks.folder.glob(f"{ARRIVING}*"))
    super_resolve(given.paths, out, given.model, area=AREA, how=HOW)  # nothing is missing
    assert_same_pixels(out, alone)


def test_a_bounded_number_of_blocks_is_under_way(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    usual = distributed._finished
    monkeypatch.setattr(distributed, "_finished", lambda client, going: held.append(len(going)) or usual(client, going))
    with opened(tmp_path / "OUT.tif", job) as blocks:
        assert len(list(run_on(scheduler, given, job, blocks))) == 9
    assert max(held) == distributed.AHEAD


def test_a_block_that_fails_everywhere_is_named_and_the_others_stay(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, tries = distributed.store, []

    def fails(path: Path, layout: Any, block: Block, *rest: Any) -> Any:
        if (block.row, block.column) == (96, 192):
            tries.append(block)
            raise KeyError("no such\nthing")
        return usual(path, layout, block, *rest)

    monkeypatch.setattr(distributed, "store", fails)
    with opened(tmp_path / "OUT.tif", job) as blocks:
        with pytest.raises(
            RuntimeError, match=r"row 96, column 192 of OUT\.tif failed on every try \(KeyError"
        ) as said:
            list(run_on(scheduler, given, job, blocks))
        assert "\n" not in str(said.value)
        assert len(tries) == 1 + distributed.RETRIES
        missing = blocks.missing()
        assert tries[0] in missing
        assert len(missing) < 9
    with opened(tmp_path / "OUT.tif", job) as blocks:
        assert blocks.missing() == missing


def test_a_block_that_fails_once_is_tried_again(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, failed = distributed.store, []

    def fails_once(path: Path, layout: Any, block: Block, *rest: Any) -> Any:
        if block not in failed:
            failed.append(block)
            raise OSError(28, "No space left on device")
        return usual(path, layout, block, *rest)

    monkeypatch.setattr(distributed, "store", fails_once)
    with opened(tmp_path / "OUT.tif", job) as blocks:
        list(run_on(scheduler, given, job, blocks))
        assert not blocks.missing()


def test_a_full_disk_on_a_worker_keeps_its_number(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device", "0-0.tif")

    monkeypatch.setattr(distributed, "store", full)
    with opened(tmp_path / "OUT.tif", job) as blocks, pytest.raises(OSError, match="No space left on device") as said:
        list(run_on(scheduler, given, job, blocks))
    assert said.value.errno == 28


def asked(given: Given, job: Job, folder: Path, **changes: Any) -> Asked:
    return Asked(**{"given": given, "key": job.key, "versions": distributed._versions(), "folder": folder} | changes)


def test_a_worker_with_another_job_computes_nothing(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other inputs, other code, other packages: never silently other numbers."""
    other = replace(given, paths=given.paths[:2])
    with opened(tmp_path / "OUT.tif", job) as blocks:
        with pytest.raises(ValueError, match=r"worker tcp://.* got another job \(key .*expected that of the client"):
            list(run_on(scheduler, other, job, blocks))
        assert len(blocks.missing()) == 9
    monkeypatch.setattr("satsr.scenes.job.code_version", lambda: ("0.0.1", "another commit"))
    with pytest.raises(ValueError, match="give both the same satsr"):
        distributed._prepared(asked(given, job, tmp_path))
    with pytest.raises(ValueError, match=r"got torch .*, expected torch 1\.0: install the same"):
        distributed._prepared(asked(given, job, tmp_path, versions={"torch": "1.0"}))


def test_a_job_is_prepared_once(given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_JOBS", {"of an earlier run": job})
    first = distributed._prepared(asked(given, job, tmp_path))
    assert distributed._prepared(asked(given, job, tmp_path)) is first
    assert list(distributed._JOBS) == [job.key]


def test_a_worker_that_does_not_see_the_folder_says_so(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = distributed._arriving

    @contextmanager
    def elsewhere(blocks: BlockFile) -> Iterator[Path]:
        with seen(blocks) as folder:
            yield folder.with_name("not-there")

    monkeypatch.setattr(distributed, "_arriving", elsewhere)
    with opened(tmp_path / "OUT.tif", job) as blocks:
        with pytest.raises(ValueError, match=r"worker tcp://.* got no folder .*not-there, .*all machines see"):
            list(run_on(scheduler, given, job, blocks))
        assert not (blocks.folder / "not-there").exists()


def test_a_block_that_this_process_does_not_see(
    scheduler: Cluster, given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may have a folder of that name on a disk of its own."""
    usual = distributed.store

    def lost(path: Path, *rest: Any) -> Any:
        done = usual(path, *rest)
        path.unlink()
        return done

    monkeypatch.setattr(distributed, "store", lost)
    with (
        opened(tmp_path / "OUT.tif", job) as blocks,
        pytest.raises(ValueError, match=r"expected the block that a worker stored there: write the output to a file"),
    ):
        list(run_on(scheduler, given, job, blocks))


def test_inputs_that_a_worker_does_not_see(given: Given, job: Job, scheduler: Cluster, tmp_path: Path) -> None:
    absent = replace(given, paths=[tmp_path / "none.SAFE"])
    with (
        opened(tmp_path / "OUT.tif", job) as blocks,
        pytest.raises(ValueError, match=r"worker tcp://.* cannot be used: .*none\.SAFE is missing"),
    ):
        list(run_on(scheduler, absent, job, blocks))


def test_paths_are_told_so_that_any_folder_will_do(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("A.SAFE", "model", "area.geojson", "clouds.tif"):
        (tmp_path / name).write_text("")
    how = replace(PLAIN, clouds=("auto", "clouds.tif"))
    near = Given(["A.SAFE"], "model", Area(polygon=Path("area.geojson")), how, {"level": "L1C"}).absolute()
    assert near.paths == (tmp_path / "A.SAFE",)
    assert near.model == tmp_path / "model"
    assert near.area.polygon == tmp_path / "area.geojson"
    assert near.how.clouds == ("auto", tmp_path / "clouds.tif")
    assert Given(["A.SAFE"], "bicubic", Area(), PLAIN, {}).absolute().model == "bicubic"


def test_no_scheduler_and_no_library(given: Given, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "CONNECT_S", 0.2)
    with opened(tmp_path / "OUT.tif", job) as blocks:
        with pytest.raises(
            OSError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 .*: start one \(dask sched"
        ) as said:
            list(run_on(Cluster("tcp://127.0.0.1:9"), given, job, blocks))
        assert "\n" not in str(said.value)
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(RuntimeError, match="distributed is not installed: install it"):
            list(run_on(Cluster(workers=1), given, job, blocks))


@pytest.mark.parametrize("wrong", [{}, {"scheduler": "tcp://a:1", "workers": 1}, {"workers": -1}])
def test_one_kind_of_cluster(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"got scheduler .* and .* workers, expected the address of a scheduler, or"):
        Cluster(**wrong)


def test_each_process_sees_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert distributed._own_gpus(2) == [{}, {}]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [seen["CUDA_VISIBLE_DEVICES"] for seen in distributed._own_gpus(3)] == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert [seen["CUDA_VISIBLE_DEVICES"] for seen in distributed._own_gpus(2)] == ["3", "5"]


def test_without_workers_it_waits_and_says_so(
    given: Given, job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "QUIET_S", 0.3)
    with (
        in_this_process(0) as none,
        opened(tmp_path / "OUT.tif", job) as blocks,
    ):
        Timer(0.5, none.scale, [1]).start()
        assert len(list(run_on(Cluster(none.scheduler_address), given, job, blocks))) == 9
    assert f"no worker: start some (dask worker {none.scheduler_address})" in capsys.readouterr().err


def test_nothing_of_dask_is_imported_before_it_is_used() -> None:
    code = "import sys, satsr.cli.app, satsr.scenes.super_resolve; print({'dask', 'distributed'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "set()\n"
