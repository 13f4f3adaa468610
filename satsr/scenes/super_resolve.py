"""Super-resolve a scene: from products to a georeferenced file that says what it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from satsr.common.progress import Progress, bytes_in_words
from satsr.models.superresolver import SuperResolver
from satsr.scenes.apply import Block, Made
from satsr.scenes.block_file import BlockFile, is_folder, refuse_existing
from satsr.scenes.cog import finish
from satsr.scenes.collection import finish_collection
from satsr.scenes.distributed import Cluster, Given, run_on
from satsr.scenes.item import item_text
from satsr.scenes.job import PLAIN, WHOLE, Area, How, Job, code_version, prepare
from satsr.scenes.products.sentinel2 import Product
from satsr.scenes.record import Input, Model, Record

GIVEN_COPIES, MADE_COPIES = 8, 10  # of a block's float32 values at once, as measured: one is read while one is made
TRIED_PX = 64  # low-resolution side of what a dry run computes to tell how long the whole takes


@dataclass(frozen=True)
class Estimate:
    """What super-resolving a scene will take.

    Attributes:
        shape: rows and columns of the output.
        km2: its area.
        file_bytes: of the output without compression, overviews included.
        seconds: of the model alone, at the rate of one window.
        memory_bytes: of this process at its peak, about, whatever the size of the scene.
    """

    shape: tuple[int, int]
    km2: float
    file_bytes: float
    seconds: float
    memory_bytes: float

    def __str__(self) -> str:
        rows, columns = self.shape
        return (
            f"{rows} x {columns} px, {self.km2:.2f} km2, {bytes_in_words(self.file_bytes)} before compression; about "
            f"{self.seconds:.0f} s to compute, in about {bytes_in_words(self.memory_bytes)} of memory"
        )


def super_resolve(
    paths: Sequence[str | Path | Product],
    output: Path,
    model: str | Path | SuperResolver | None = None,
    *,
    area: Area = WHOLE,
    how: How = PLAIN,
    overwrite: bool = False,
    anew: bool = False,
    cluster: Cluster | None = None,
    **product: Any,
) -> Job:
    """Super-resolve a scene into a Cloud-Optimized GeoTIFF with its record beside it.

    A run that was stopped goes on where it was, when it is asked for the same.

    Args:
        paths: products of one level: folders, zips, loose bands; see `satsr.scenes.products.open_product`.
        output: `.tif`, whose record is `.json` beside it; or, for areas too large for one file, a name without an
            ending: a folder with an image for each block, a mosaic and a collection.
        model: a folder or a checkpoint, `bicubic`, or a model; None takes the one that comes with the package.
        area: which part of the scene.
        how: dates, windows, type of the output.
        overwrite: replace an output that is there, once the new one is whole.
        anew: do not go on with what another run left.
        cluster: other processes that compute the blocks; None computes them in this one.
        product: arguments of `open_product` for loose bands, such as `level`.

    Returns:
        What was done.

    Raises:
        FileExistsError: the output is there.
        FileNotFoundError: a file is missing.
        ValueError: the output is an input, or something cannot be or does not go together; one line with the remedy.
        OSError: the output cannot be written.
    """
    refuse_existing(output, overwrite)
    refuse_inputs(output, paths)
    job = prepare(paths, model, area, how, **product)
    with BlockFile.open(output, job.layout, job.key, block_px=job.block_px, overwrite=overwrite, anew=anew) as blocks:
        missing, clipped = blocks.missing(), []
        progress = _AreaProgress(output.name, sum(b.height * b.width for b in missing), job.pixel_km2)
        if cluster is not None:
            shares = run_on(cluster, Given(paths, model, area, how, product), job, blocks)
        else:
            shares = ((block, made.clipped) for block, made in zip(missing, run(job, blocks), strict=True))
        for block, share in shares:
            clipped.append(share)
            progress.step(block.height * block.width)
        record = _record(job, output, sum(clipped) / max(1, len(clipped)))
        if is_folder(output):
            finish_collection(blocks, record)
        else:
            finish(blocks, tags=record.tags(), item=lambda path: item_text(path, record))
    return job


def refuse_inputs(output: Path, paths: Sequence[str | Path | Product]) -> None:
    """See that an output replaces nothing of what it is made from.

    Raises:
        ValueError: it has the name of an input, or of a file inside of one.
    """
    own = output.resolve()
    for one in paths:
        given = (one.path if isinstance(one, Product) else Path(one)).resolve()
        if own == given or (own.exists() and given in own.parents):
            raise ValueError(f"{output} belongs to the inputs, which it would replace: give another name")


def _record(job: Job, output: Path, clipped: float) -> Record:
    """Return where an output comes from.

    Args:
        job: what was done.
        output: its file.
        clipped: share of the model's values outside [0, 1], of the blocks that this run computed.
    """
    facts, applied = dict(job.facts), job.applied
    inputs = tuple(Input(**one) for one in facts.pop("inputs"))
    facts.pop("model")
    version, commit = code_version()
    return Record(
        title=output.stem,
        inputs=inputs,
        model=Model(job.model_name, job.model_sha256, asdict(applied.model.card)),
        options=facts,
        dates=tuple(one.note.day for one in job.plan.dates),
        window_px=applied.tiling.side,
        halo_px=applied.tiling.halo,
        clipped=clipped,
        version=version,
        commit=commit,
        created=datetime.now(UTC),
    )


class _AreaProgress(Progress):
    """Progress in square kilometres."""

    def __init__(self, what: str, pixels: int, pixel_km2: float) -> None:
        super().__init__(what, pixels, "px")
        self.pixel_km2 = pixel_km2

    def _line(self, now: float, note: str) -> str:
        rate = self.done / max(now - self.started, 1e-6)
        left = (self.total - self.done) / max(rate, 1e-9)
        done, total, a_second = (self.pixel_km2 * n for n in (self.done, self.total, rate))
        return f"{self.what}: {done:.4g} of {total:.4g} km2, {a_second:.3g} km2/s, {left:.0f} s left{note}"


def estimate(job: Job) -> Estimate:
    """Say how large an output will be, and how long its model takes, from one small window."""
    scene = job.applied.scene
    rows, columns = (range(axis[0], axis[0] + min(TRIED_PX, len(axis))) for axis in (scene.rows, scene.columns))
    block = Block(rows, columns)
    part = job.applied.read(block)
    job.applied.make(block, part)  # the first pass also pays for what is done once
    started = time.perf_counter()
    job.applied.make(block, part)
    took = time.perf_counter() - started
    windows = job.applied.windows_of(block)
    whole = job.applied.windows_of(Block(scene.rows, scene.columns))
    pixels = job.layout.height * job.layout.width
    item = {"uint8": 1, "uint16": 2, "float32": 4}[job.how.kind]
    size = pixels * item * len(job.layout.bands) * 4 / 3
    seconds = took * whole / windows
    return Estimate((job.layout.height, job.layout.width), job.area_km2, size, seconds, _memory_bytes(job))


def _memory_bytes(job: Job) -> float:
    """Return what this process takes now, after one window, and what a whole block takes beside it."""
    scene, card = job.applied.scene, job.applied.model.card
    side = job.block_px // card.scale
    pixels = min(side, len(scene.rows)) * min(side, len(scene.columns))
    given = len(scene.plan.dates) * len(scene.plan.channels) * GIVEN_COPIES
    made = card.scale**2 * len(job.layout.bands) * MADE_COPIES
    return peak_bytes() + 4 * pixels * (given + made)


def peak_bytes() -> int:
    """Return the most memory that this process has had; 0 where the system does not say."""
    try:
        import resource
    except ModuleNotFoundError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run(job: Job, blocks: BlockFile) -> Iterator[Made]:
    """Compute the blocks that are missing, and give what was made of each; reading and writing go on beside it."""
    missing = blocks.missing()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        coming = reader.submit(job.applied.read, job.of(missing[0])) if missing else None
        written: Future[None] | None = None
        for number, block in enumerate(missing):
            assert coming is not None
            part = coming.result()
            if number + 1 < len(missing):
                coming = reader.submit(job.applied.read, job.of(missing[number + 1]))
            made = job.applied.make(job.of(block), part)
            if written is not None:
                written.result()
            written = writer.submit(blocks.write, block, job.numbers(block, made), job.shown(block, made))
            yield made
        if written is not None:
            written.result()
