"""Scoring: cPSNR against the plain loop over displacements, and a whole set by the study's networks."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.paths import Workspace
from satsr.metrics.cpsnr import cpsnr
from satsr.metrics.networks import network_of
from satsr.metrics.scoring import score
from satsr.perception.roles import folder_of, network_name

IMAGES, SIZE_PX, ROUNDS, LOOP_IMAGES = 256, 128, 9, 16


def report() -> None:
    """Print the ratio of cPSNR to the loop, and the seconds that a set takes."""
    sr, hr = (torch.rand((IMAGES, 3, SIZE_PX, SIZE_PX), generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    names = ["psnr", "ssim", "cpsnr", *_network_metrics()]
    took = seconds(lambda: [score(sr, hr, names, protocol) for protocol in ("published", "corrected")])
    print(f"{IMAGES} images of {SIZE_PX} px, both protocols, {', '.join(n.split(':')[0] for n in names)}: {took:.1f} s")
    # In a process that has scored before: the first calls of any wait for memory and threads.
    ratios = []
    for _ in range(ROUNDS):
        loop = seconds(lambda: [loop_cpsnr(x, y) for x, y in zip(sr[:LOOP_IMAGES], hr[:LOOP_IMAGES], strict=True)])
        ratios.append(loop / LOOP_IMAGES / (seconds(lambda: cpsnr(sr, hr, "published")) / IMAGES))
    print(
        f"scoring; cPSNR (published) against the plain loop of 81 displacements: ratio {statistics.median(ratios):.0f}"
    )


def loop_cpsnr(sr: Tensor, hr: Tensor) -> float:
    """Compute the published cPSNR of one image (C, H, W), one displacement after another."""
    x, y = (_levels(image) for image in (sr, hr))
    height, width = (size - 8 for size in x.shape[:2])
    smallest = math.inf
    for row in range(9):
        for column in range(9):
            moved, fixed = (
                x[row : row + height, column : column + width],
                y[8 - row : 8 - row + height, 8 - column : 8 - column + width],
            )
            bias = (moved - fixed).mean(axis=(0, 1))
            smallest = min(smallest, float(((moved - fixed - bias) ** 2).mean()))
    return 10 * math.log10(255**2 / smallest)


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _levels(image: Tensor) -> NDArray[np.float64]:
    return np.round(image.numpy().transpose(1, 2, 0)[4:-4, 4:-4] * 255).astype(np.float64)


def _network_metrics() -> list[str]:
    """Return LPIPS and CLIPScore by the default study's judges, opened, where it has been run."""
    here = Workspace.of("default")
    if not folder_of(here, "trunk", "judge").is_dir():
        print("no networks of the default study: LPIPS and CLIPScore are left out (make study)")
        return []
    names = {"lpips": network_name(here, "trunk", "judge"), "clipscore": network_name(here, "clip", "judge")}
    network_of("trunk", names["lpips"]), network_of("clip", names["clipscore"])
    return [f"{metric}:{name}" for metric, name in names.items()]
