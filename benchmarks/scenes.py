"""Whole scenes, each in a process of its own: seconds, memory, and how both grow with the scene.

`python -m benchmarks.scenes 10980` takes a whole tile by bicubic enlargement; it is too long for `make bench`. With
`--network` the paper's ESRGAN, untrained, is compared with the reference's way: 32 pixels a pass, in float32.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

SIDES = (1373, 2745)
UTM, CORNER = "EPSG:32633", (300_000.0, 5_800_020.0)
ESRGAN = {"num_feat": 64, "num_block": 23, "num_grow_ch": 32}
CHIP_PX = 32  # of a pass, in the reference's way
DATES = 8


def report(sides: tuple[int, ...] = SIDES) -> None:
    """Print a line for each side, and what the largest takes beside the smallest."""
    found = [measured(side) for side in sides]
    for one in found:
        rate = one["km2"] / one["seconds"]
        print(
            f"scene of {one['side']} px, bicubic: {one['seconds']:.1f} s, {rate:.2f} km2/s, {one['peak_mb']:.0f} MB; "
            f"{100 * one['kept']:.0f} % of the computed pixels are kept"
        )
    if len(found) > 1:
        print(f"memory of the largest over the smallest: {found[-1]['peak_mb'] / found[0]['peak_mb']:.3f}")


def measured(side: int) -> dict[str, Any]:
    """Super-resolve a made-up scene of one date in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "S2_20200601.tif"
        write(path, side)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scenes", "--once", str(path)], capture_output=True, text=True, check=True
        )
    return {"side": side, **json.loads(done.stdout.splitlines()[-1])}


def write(path: Path, side: int) -> None:
    """Write bands of counts, row by row, so that a whole tile needs no memory."""
    import rasterio

    place = {"crs": UTM, "transform": Affine(10, 0, CORNER[0], 0, -10, CORNER[1])}
    size = {"count": 3, "height": side, "width": side, "dtype": "uint16"}
    kind = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1}
    rng = np.random.default_rng(0)
    tile = rng.integers(500, 3000, (3, 512, 512)).astype(np.uint16)
    with rasterio.open(path, "w", **kind, **size, **place) as file:
        file.descriptions = ("B02", "B03", "B04")
        for row in range(0, side, 512):
            for column in range(0, side, 512):
                height, width = min(512, side - row), min(512, side - column)
                window = rasterio.windows.Window(column, row, width, height)
                file.write(np.roll(tile, row + column, axis=2)[:, :height, :width], window=window)


def once(path: Path) -> None:
    """Super-resolve a file, and print what it took as JSON."""
    from satsr.scenes.apply import Block
    from satsr.scenes.job import How
    from satsr.scenes.super_resolve import peak_bytes, super_resolve

    started = time.perf_counter()
    how = How(clouds="none", register_px=None)
    said = {"level": "L1C", "baseline": "02.04"}
    job = super_resolve([path], path.with_name("out.tif"), "bicubic", how=how, **said)
    side = job.block_px // job.applied.model.card.scale
    computed = job.applied.windows_of(Block(range(side), range(side))) * job.applied.tiling.side**2
    facts = {
        "kept": side**2 / computed,
        "seconds": time.perf_counter() - started,
        "km2": job.area_km2,
        "peak_mb": peak_bytes() / 1e6,
    }
    print(json.dumps(facts))


def beside_reference(side: int = 256) -> None:
    """Compare the paper's ESRGAN by this package's door with the same network chip by chip, in one run."""
    import torch

    from satsr.models.superresolver import ModelCard, SuperResolver
    from satsr.scenes.job import How
    from satsr.scenes.reach import Reach
    from satsr.scenes.super_resolve import super_resolve

    rgb = ("red", "green", "blue")
    model = SuperResolver(ModelCard("esrgan", ESRGAN, DATES, rgb, rgb, 4)).eval()
    chip = torch.rand(1, DATES, 3, CHIP_PX, CHIP_PX)
    with torch.inference_mode():
        model(chip)
        started = time.perf_counter()
        for _ in range(4):
            model(chip)
        reference = (time.perf_counter() - started) / 4 / (CHIP_PX * 10 / 1000) ** 2
    model = model.to(memory_format=torch.channels_last)
    started = time.perf_counter()
    reach = Reach.of(model)  # stands on the card of a model that was released by this package
    print(f"how far it looks ({reach.halo_px} px) is measured in {time.perf_counter() - started:.1f} s, once")
    model.card = replace(model.card, on_scenes=reach.for_card())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "S2_20200601.tif"
        write(path, side)
        started = time.perf_counter()
        how = How(clouds="none", register_px=None)
        job = super_resolve([path], path.with_name("out.tif"), model, how=how, level="L1C", baseline="02.04")
        ours = (time.perf_counter() - started) / job.area_km2
    print(
        f"ESRGAN 64/23/32, {DATES} dates: {reference:.1f} s/km2 chip by chip in float32, the network alone; "
        f"{ours:.1f} s/km2 from file to file; {reference / ours:.2f} times as fast"
    )


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("sides", nargs="*", type=int, help="of the scenes, in pixels")
    asked.add_argument("--once", type=Path)
    asked.add_argument("--network", action="store_true", help="the paper's ESRGAN beside the reference's way")
    given = asked.parse_args()
    if given.once:
        once(given.once)
    elif given.network:
        beside_reference()
    else:
        report(tuple(given.sides) or SIDES)
