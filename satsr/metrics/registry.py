"""The functions of all metrics by name; `facts` says what each computes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from satsr.metrics.clipscore import clipscore
from satsr.metrics.cpsnr import cpsnr, cpsnr_probav
from satsr.metrics.cssim import cssim
from satsr.metrics.dists import dists
from satsr.metrics.errors import mae, mse
from satsr.metrics.lpips import lpips
from satsr.metrics.opensr import KEYS, opensr_score
from satsr.metrics.psnr import psnr
from satsr.metrics.sam import sam
from satsr.metrics.shift import registration_shift
from satsr.metrics.ssim import ssim

# (sr, hr, protocol, valid) and what the metric needs besides -> float64 (N,)
Function = Callable[..., Tensor]

FUNCTIONS: dict[str, Function] = {
    "psnr": psnr,
    "ssim": ssim,
    "cpsnr": cpsnr,
    "cpsnr_probav": cpsnr_probav,
    "cssim": cssim,
    "mse": mse,
    "mae": mae,
    "sam": sam,
    "lpips": lpips,
    "dists": dists,
    "clipscore": clipscore,
    "shift": registration_shift,
    **{name: opensr_score(name) for name in KEYS},
}
