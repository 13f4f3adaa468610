"""A scene on many processes or machines: its blocks are tasks of Dask distributed.

Workers read, compute and store blocks. This process alone, which has the journal, gives each its name and notes it as
it comes. So a block counts once, whoever stored it and how often, and a worker that was taken for dead and lives on
harms nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import islice
from logging import CRITICAL, WARNING, getLogger
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

from satsr.models.superresolver import SuperResolver
from satsr.scenes.block_file import Block, BlockFile, Done, store
from satsr.scenes.job import Area, How, Job, prepare
from satsr.scenes.products.sentinel2 import Product

AHEAD = 2  # blocks handed out for each thread, so that none waits for this process, and a million are not held
RETRIES = 2  # of a block that fails, on whichever worker
CONNECT_S = 30.0
QUIET_S = 60.0  # after which it is said that there is no worker
ARRIVING = "arriving-"
SAME = ("torch", "numpy", "rasterio")  # versions that decide numbers
LOCAL = "127.0.0.1"
AGAIN = "run the same again: finished blocks stay"


@dataclass(frozen=True)
class Cluster:
    """Where blocks are computed: on the workers of a scheduler, or on this machine.

    Attributes:
        scheduler: its address, such as `tcp://10.0.0.1:8786`.
        workers: number of processes of one thread; each sees one of the GPUs, in turn.

    Raises:
        ValueError: not exactly one of the two.
    """

    scheduler: str | None = None
    workers: int = 0

    def __post_init__(self) -> None:
        if self.workers < 0 or bool(self.scheduler) == bool(self.workers):
            raise ValueError(
                f"got scheduler {self.scheduler or 'none'} and {self.workers} workers, expected the address of a "
                "scheduler, or a number of workers on this machine"
            )


@dataclass(frozen=True)
class Given:
    """The arguments of `prepare`, to be used on other machines."""

    paths: Sequence[str | Path | Product]
    model: str | Path | SuperResolver | None
    area: Area
    how: How
    product: Mapping[str, Any]

    def prepare(self) -> Job:
        """Return the job, see `satsr.scenes.job.prepare`."""
        return prepare(self.paths, self.model, self.area, self.how, **self.product)

    def absolute(self) -> Given:
        """Return the same with files that are found from any folder."""
        polygon = None if self.area.polygon is None else self.area.polygon.absolute()
        clouds = self.how.clouds if isinstance(self.how.clouds, str) else tuple(map(_absolute, self.how.clouds))
        return replace(
            self,
            paths=tuple(map(_absolute, self.paths)),
            model=_absolute(self.model),
            area=replace(self.area, polygon=polygon),
            how=replace(self.how, clouds=clouds),
        )


def _absolute(given: Any) -> Any:
    """Return where a file or folder lies; what is neither, such as `bicubic`, stays as it is."""
    return Path(given).absolute() if isinstance(given, str | Path) and Path(given).exists() else given


@dataclass(frozen=True)
class Asked:
    """What a worker is told.

    Attributes:
        given: from which it prepares the job by itself.
        key: of the job; the worker's has to be the same.
        versions: of packages, likewise.
        folder: where it stores blocks.
    """

    given: Given
    key: str
    versions: Mapping[str, str]
    folder: Path


class Came(NamedTuple):
    """A block that a worker stored: the name of its file, what to note, and the share of values that were clipped."""

    name: str
    done: Done
    clipped: float


class Refused(NamedTuple):
    """Why a worker computes no block at all; trying elsewhere would hide it."""

    why: str


def run_on(cluster: Cluster, given: Given, job: Job, blocks: BlockFile) -> Iterator[tuple[Block, float]]:
    """Compute the blocks that are missing, and keep them as they come.

    Args:
        cluster: of workers that see the inputs, the model and the blocks' folder under the same paths.
        given: from which the job was prepared.
        job: that is asked for.
        blocks: of its output.

    Yields:
        A block that is kept, and the share of the model's values in it that left [0, 1].

    Raises:
        ValueError: a worker has other inputs, other code or no view of the folder.
        OSError: the scheduler cannot be reached or is gone, or a block could not be written.
        RuntimeError: a block failed on every try, or Dask is not installed.
    """
    missing = blocks.missing()
    if not missing:
        return
    with _client(cluster) as client, _arriving(blocks) as folder:
        # A task and not data: it is there again after the worker that has it died.
        asked = client.submit(_itself, Asked(given.absolute(), job.key, _versions(), folder), pure=False)
        waiting, going = iter(missing), dict[Any, Block]()
        while True:
            for block in islice(waiting, max(0, _room(client) - len(going))):
                going[client.submit(make_block, asked, block, pure=False, retries=RETRIES)] = block
            if not going:
                return
            for future in _finished(client, going):
                block = going.pop(future)
                came = _result(future, block, blocks)
                _take(blocks, block, folder, came)
                yield block, came.clipped


# What runs on a worker

_JOBS: dict[str, Job] = {}  # the last one alone
_ONE = Lock()  # a block at a time, with all threads


def make_block(asked: Asked, block: Block) -> Came | Refused:
    """Compute a block and store it.

    Args:
        asked: what for.
        block: of the output.

    Raises:
        Exception: whatever keeps this block from being made; another try may succeed.
    """
    import torch
    from distributed import get_worker

    worker = get_worker()
    with _ONE:
        torch.set_num_threads(worker.state.nthreads)
        try:
            job = _prepared(asked)
        except (ValueError, FileNotFoundError) as error:
            return Refused(f"worker {worker.address} cannot be used: {error}")
        pixels = job.of(block)
        made = job.applied.make(pixels, job.applied.read(pixels))
        name = f"{block.row}-{block.column}-{uuid4().hex}.tif"
        _check_seen(asked.folder)  # again: the run may be over by now, and writing would make its folder anew
        done = store(asked.folder / name, job.layout, block, job.numbers(block, made), job.shown(block, made))
        return Came(name, done, made.clipped)


def _itself(asked: Asked) -> Asked:
    return asked


def _prepared(asked: Asked) -> Job:
    """Return the job, prepared once and compared with the one that is asked for."""
    _check_seen(asked.folder)  # each time: a file system may have gone
    if asked.key not in _JOBS:
        if (versions := _versions()) != asked.versions:
            raise ValueError(f"got {_words(versions)}, expected {_words(asked.versions)}: install the same versions")
        job = asked.given.prepare()
        if job.key != asked.key:
            raise ValueError(
                f"got another job (key {job.key[:12]}), expected that of the client (key {asked.key[:12]}): give both "
                "the same satsr, the same input files and the same kind of processor (or --window-px and --precision)"
            )
        _JOBS.clear()
        _JOBS[asked.key] = job
    return _JOBS[asked.key]


def _check_seen(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(
            f"got no folder {folder}, expected the one that blocks are stored in: write the output to a file system "
            "that all machines see under the same path"
        )


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in SAME}


def _words(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


# What runs here


@contextmanager
def _arriving(blocks: BlockFile) -> Iterator[Path]:
    """Give a folder for what workers store in this run; its name is new, so that who sees it sees the right disk."""
    for left in blocks.folder.glob(f"{ARRIVING}*"):  # of a run that was killed
        rmtree(left, ignore_errors=True)
    folder = blocks.folder / f"{ARRIVING}{uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def _client(cluster: Cluster) -> Iterator[Any]:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"{error.name} is not installed: install it (pip install distributed), or compute on one process "
            "(without --scheduler and --workers)"
        ) from None
    with ExitStack() as opened:
        opened.enter_context(_quiet("distributed.client"))  # it prints pages of what is told below in one line
        address = cluster.scheduler or opened.enter_context(_local(cluster.workers))
        try:
            client = opened.enter_context(Client(address, timeout=CONNECT_S))
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise OSError(
                f"no scheduler answers at {address} ({reason}): start one (dask scheduler), and give the address that "
                "it says, such as tcp://10.0.0.1:8786"
            ) from None
        try:
            yield client
        except CancelledError:
            raise ConnectionError(f"the scheduler at {address} is gone: start it again, and {AGAIN}") from None


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = getLogger(name)
    before = logger.level
    logger.setLevel(CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _local(workers: int) -> Iterator[str]:
    """Start processes on this machine, and give the address of their scheduler."""
    from distributed import Nanny, Scheduler, SpecCluster

    shared = {"host": LOCAL, "dashboard": False, "dashboard_address": f"{LOCAL}:0"}
    scheduler = {"cls": Scheduler, "options": shared}
    # Dask's own limit of memory would be a share of the machine, and kill a worker whose windows are large.
    options = {**shared, "nthreads": 1, "memory_limit": None, "silence_logs": WARNING}
    nannies = {n: {"cls": Nanny, "options": {**options, "env": env}} for n, env in enumerate(_own_gpus(workers))}
    before = dict(os.environ)
    try:
        with SpecCluster(workers=nannies, scheduler=scheduler, silence_logs=WARNING) as cluster:
            yield cluster.scheduler_address
    finally:  # a nanny writes what its worker is to find into the environment of this process
        os.environ.clear()
        os.environ.update(before)


def _own_gpus(workers: int) -> list[dict[str, str]]:
    """Return what shows each process one GPU, in turn; nothing where there is none."""
    import torch

    count = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    gpus = named or [str(number) for number in range(count)]
    return [{"CUDA_VISIBLE_DEVICES": gpus[number % count]} if count else {} for number in range(workers)]


def _room(client: Any) -> int:
    """Return how many blocks may be under way."""
    return AHEAD * max(1, sum(client.nthreads().values()))


def _finished(client: Any, going: Mapping[Any, Block]) -> list[Any]:
    """Wait for blocks, and return those that came, failed ones last: what is finished is kept before that is told."""
    from distributed import wait

    said = False
    while True:
        if not said and not client.nthreads():
            print(f"no worker: start some (dask worker {client.scheduler.address})", file=sys.stderr, flush=True)
            said = True
        try:
            done = wait(list(going), timeout=QUIET_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            said = False
            continue
        return sorted(done, key=lambda future: str(future.status) != "finished")


def _result(future: Any, block: Block, blocks: BlockFile) -> Came:
    if error := future.exception():
        raise _failure(block, blocks, error)
    found = future.result()
    if isinstance(found, Refused):
        raise ValueError(found.why)
    return Came(*found)


def _failure(block: Block, blocks: BlockFile, error: BaseException) -> Exception:
    """Return an error that names the block; of the system's, with its number, for which there may be a remedy."""
    from distributed import KilledWorker

    where = f"the block at row {block.row}, column {block.column} of {blocks.path.name}"
    if isinstance(error, KilledWorker):
        return RuntimeError(f"{where} took every worker that tried it down: look at their memory, and {AGAIN}")
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    said = f"{where} failed on every try ({reason}): mend that, and {AGAIN}"
    return OSError(error.errno, said) if isinstance(error, OSError) and error.errno else RuntimeError(said)


def _take(blocks: BlockFile, block: Block, folder: Path, came: Came) -> None:
    try:
        blocks.take(block, folder / came.name, came.done)
    except FileNotFoundError:
        raise ValueError(
            f"got no {folder / came.name}, expected the block that a worker stored there: write the output to a file "
            "system that all machines see under the same path"
        ) from None
