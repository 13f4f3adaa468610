"""Reading: pairs per second from shards and from PNG files beside a plain loop, and opening 1.2 million places."""

from __future__ import annotations

import json
import math
import multiprocessing
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from satsr.data.frames import choose_frames
from satsr.data.pairs import Pairs
from satsr.data.reader import Reader, Sample
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.readers.s2naip_folder import region_of
from satsr.data.settings import PairSettings
from satsr.data.shards.index import INDEX_FILE, write_index
from satsr.data.shards.shards import FACTS_FILE, PER_SHARD, Shards, write_shards

CHIPS, DATES, STORED, WORKERS, ROUNDS = 256, 8, 12, 2, 5
PLACES = 1_200_000  # pairs of S2-NAIP (Zooming Out, section 3)
RGB = ("red", "green", "blue")
Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def report() -> None:
    """Print pairs per second by form, then seconds and memory of opening a whole data set's index."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        tiles = write_chips(folder / "png" / "val_set")
        write_shards(S2NAIP(folder / "png", "val"), RGB, folder / "shards")
        works: dict[str, Callable[[Sequence[str]], int]] = {
            "shards": partial(read_pairs, Shards, folder / "shards"),
            "PNG": partial(read_pairs, S2NAIP, folder / "png"),
            "PNG, plain PIL loop": partial(plain_loop, folder / "png" / "val_set"),
        }
        rates = measured(works, tiles)
        print(f"reading; {DATES} of {STORED} dates, chips of 128 px, {WORKERS} processes, files in memory")
        for name, rate in rates.items():
            print(f"  {name:20s} {rate:7.0f} pairs/s   ratio {rate / rates['PNG, plain PIL loop']:.1f}")
        made_up_set(folder / "large")
        took, peak = _in_a_process(open_pairs, folder / "large")
        print(f"  opening {PLACES} places: {took:.2f} s; the process takes {peak / 1e9:.2f} GB at most")


def measured(works: dict[str, Callable[[Sequence[str]], int]], tiles: list[str]) -> dict[str, float]:
    """Return pairs per second of each work, in processes as a data loader has them, in turn."""
    parts = [tiles[number::WORKERS] for number in range(WORKERS)]
    times: dict[str, list[float]] = {name: [] for name in works}
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        for _ in range(ROUNDS + 1):  # the first one starts processes and imports
            for name, work in works.items():
                started = time.perf_counter()
                list(pool.map(work, parts))
                times[name].append(time.perf_counter() - started)
    return {name: len(tiles) / statistics.median(took[1:]) for name, took in times.items()}


def read_pairs(kind: type[Reader], folder: Path, tiles: Sequence[str]) -> int:
    """Read places through a reader, up to what a network takes."""
    reader, rng = kind(folder, "val"), np.random.default_rng(0)
    for tile in tiles:
        sample = reader.sample(tile, RGB)
        to_arrays(sample, choose_frames(sample.good, DATES, rng))
    return len(tiles)


def to_arrays(sample: Sample, chosen: tuple[int, ...]) -> Arrays:
    """Return LR (T, C, h, w) and HR (C, H, W) in [0, 1]."""
    return _unit(sample.series[list(chosen)], sample.white), _unit(sample.hr, sample.hr_white)


def plain_loop(folder: Path, tiles: Sequence[str]) -> int:
    """Read the same pairs as a first script would: no masks, no checks, the first dates."""
    hr = {path.parent.name: path for path in folder.glob("naip/*/*/rgb.png")}
    for tile in tiles:
        with Image.open(folder / "sentinel2" / tile / "tci.png") as image:
            series = np.array(image).reshape(-1, 32, 32, 3)[:DATES]
        with Image.open(hr[tile]) as image:
            _unit(series, 255.0), _unit(np.array(image), 255.0)
    return len(tiles)


def write_chips(folder: Path) -> list[str]:
    """Write made-up chips, smooth with some noise so that PNG compresses them as it does images."""
    rng = np.random.default_rng(0)
    tiles = [f"{33488 + number % 16}_{48869 + number // 16}" for number in range(CHIPS)]
    for tile in tiles:
        for path, shape in (
            (folder / "naip" / "m_4108832_ne_16_060_20200611" / tile / "rgb.png", (128, 128)),
            (folder / "sentinel2" / tile / "tci.png", (STORED * 32, 32)),
        ):
            path.parent.mkdir(parents=True)
            small = rng.integers(30, 220, (shape[0] // 8, shape[1] // 8, 3), np.uint8)
            smooth = np.asarray(Image.fromarray(small).resize(shape[::-1], Image.Resampling.BICUBIC), np.int16)
            noisy = np.clip(smooth + rng.integers(-4, 5, smooth.shape), 1, 255).astype(np.uint8)
            Image.fromarray(noisy).save(path)
    return tiles


def made_up_set(folder: Path) -> None:
    """Write the index and facts, but no images, of as many places as S2-NAIP has, in the sharded form."""
    tiles = sorted(f"{20_000 + number % 2000}_{45_000 + number // 2000}" for number in range(PLACES))
    frames = np.random.default_rng(0).integers(8, 24, PLACES)
    columns = {
        "tile": tiles,
        "region": [region_of(tile) for tile in tiles],
        "frames": frames,
        "good_frames": frames - 2,
        "unusable": [""] * PLACES,
        "weight": np.ones(PLACES),
    }
    (folder / "train").mkdir(parents=True)
    write_index(folder / "train" / INDEX_FILE, columns)
    told = {"facts": asdict(S2NAIP.facts), "types": {"series": "|u1", "hr": "|u1"}, "per_shard": PER_SHARD}
    (folder / "train" / FACTS_FILE).write_text(json.dumps(told))


def open_pairs(folder: Path) -> tuple[float, float]:
    """Open a training split as the study does, and return seconds and the peak of the process's memory."""
    started = time.perf_counter()
    pairs = Pairs(Shards(folder, "train"), PairSettings(dates=DATES))
    assert len(pairs) == len(pairs.weights) == PLACES
    return time.perf_counter() - started, _peak_bytes()


def _in_a_process(work: Callable[..., Any], *given: object) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def _peak_bytes() -> float:
    """Return the peak of memory; `ru_maxrss` would be that of the process that started this one."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return 1024.0 * int(found[1]) if found else math.nan  # only Linux tells


def _unit(image: NDArray[Any], white: float) -> NDArray[np.float32]:
    return np.moveaxis(image.astype(np.float32) / np.float32(white), -1, -3)


if __name__ == "__main__":
    report()
