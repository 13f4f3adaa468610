"""All metrics by name: what each computes, in words that stand under a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from torch import Tensor

from satsr.metrics.clipscore import clipscore
from satsr.metrics.cpsnr import cpsnr, cpsnr_probav
from satsr.metrics.cssim import cssim
from satsr.metrics.dists import dists
from satsr.metrics.errors import mae, mse
from satsr.metrics.lpips import lpips
from satsr.metrics.networks import Kind, split_name
from satsr.metrics.opensr import SCORES, opensr_score
from satsr.metrics.protocol import Protocol
from satsr.metrics.psnr import psnr
from satsr.metrics.sam import sam
from satsr.metrics.shift import registration_shift
from satsr.metrics.ssim import ssim

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Metric:
    """What a table needs to know about a metric.

    Attributes:
        function: (sr, hr, protocol, valid) and what it needs besides -> float64 (N,).
        unit: unit of a score, "" for none.
        better: which direction is better.
        definition: what is computed, per protocol, in words for the reader of a table.
        network: what kind of network it takes, in the name behind a colon; None for none.
        needs_color: whether it is undefined for one-band images.
        needs_lr: whether it compares with the input series.
    """

    function: Callable[..., Tensor]
    unit: str
    better: Better
    definition: Mapping[Protocol, str]
    network: Kind | None = None
    needs_color: bool = False
    needs_lr: bool = False


def _both(published: str, corrected: str) -> Mapping[Protocol, str]:
    return MappingProxyType({"published": published, "corrected": corrected})


_SSIM_WINDOWS = "SSIM (Gaussian 11 px, sigma 1.5, K1 = 0.01, K2 = 0.03, windows inside the image)"
_CROPPED = "8-bit, 4 px border removed, mask ignored"
_FED = "8-bit, BGR order, mask ignored"
_FILLED = "invalid pixels of SR replaced by those of HR"
_LIKE_OURS = f"not in the reference code; {_CROPPED}, as its other scores"

METRICS: dict[str, Metric] = {
    "psnr": Metric(
        psnr,
        "dB",
        "higher",
        _both(f"10 log10(255^2 / MSE) over all bands, {_CROPPED}", "10 log10(1 / MSE) over all bands and valid pixels"),
    ),
    "ssim": Metric(
        ssim,
        "",
        "higher",
        _both(
            f"{_SSIM_WINDOWS}, mean of bands, {_CROPPED}",
            f"{_SSIM_WINDOWS}, mean of bands, over windows with a valid center",
        ),
    ),
    "cpsnr": Metric(
        cpsnr,
        "dB",
        "higher",
        _both(
            f"largest PSNR over 81 displacements (-8 to 8 px, even only), mean difference of each band removed, "
            f"{_CROPPED}",
            "largest PSNR over 289 displacements (-8 to 8 px), mean difference of each band removed, over valid pixels",
        ),
    ),
    "cpsnr_probav": Metric(
        cpsnr_probav,
        "dB",
        "higher",
        _both(
            "as cpsnr: the reference code has one cPSNR for all data sets",
            "the PROBA-V challenge's: largest PSNR over 49 displacements (-3 to 3 px), one mean difference over all "
            "bands removed, over clear pixels",
        ),
    ),
    "cssim": Metric(
        cssim,
        "",
        "higher",
        _both(
            _LIKE_OURS,
            f"largest over 49 displacements (-3 to 3 px) of {_SSIM_WINDOWS}, mean difference of each band removed",
        ),
    ),
    "mse": Metric(mse, "", "lower", _both(_LIKE_OURS, "mean squared error over all bands and valid pixels")),
    "mae": Metric(mae, "", "lower", _both(_LIKE_OURS, "mean absolute error over all bands and valid pixels")),
    "sam": Metric(
        sam,
        "°",
        "lower",
        _both(_LIKE_OURS, "angle between the spectra of SR and HR, mean over valid pixels"),
        needs_color=True,
    ),
    "lpips": Metric(
        lpips,
        "",
        "lower",
        _both(
            f"LPIPS fed [0, 1] where [-1, 1] is expected, {_FED}",
            f"LPIPS with the network's own normalization, RGB; {_FILLED}",
        ),
        network="trunk",
        needs_color=True,
    ),
    "dists": Metric(
        dists,
        "",
        "lower",
        _both(
            "not in the reference code; as corrected, of 8-bit images in BGR order, mask ignored",
            f"DISTS, texture and structure over the image and the trunk's layers; {_FILLED}",
        ),
        network="trunk",
        needs_color=True,
    ),
    "clipscore": Metric(
        clipscore,
        "",
        "higher",
        _both(
            f"cosine of CLIP image embeddings, nearest resize, no normalization, {_FED}",
            f"cosine of CLIP image embeddings, the tower's own resize and normalization, RGB; {_FILLED}",
        ),
        network="clip",
        needs_color=True,
    ),
    "shift": Metric(
        registration_shift,
        "HR px",
        "lower",
        _both(
            "not in the reference code; as corrected, of 8-bit images",
            "displacement of SR against the median input date, both low-passed, by subpixel phase correlation: blind "
            "to added detail, unlike `spatial`",
        ),
        needs_lr=True,
    ),
    **{
        name: Metric(
            opensr_score(name),
            score.unit,
            score.better,
            _both(f"{score.definition}; of 8-bit images", score.definition),
            needs_color=True,
            needs_lr=True,
        )
        for name, score in SCORES.items()
    },
}


def find_metric(full: str) -> Metric:
    """Return a metric by its full name, `metric` or `metric:network`.

    Raises:
        ValueError: an unknown metric (lists the known ones), a network where none is taken, or none where one is.
    """
    name, network = split_name(full)
    if name not in METRICS:
        raise ValueError(f"got unknown metric {full!r}, expected one of {', '.join(METRICS)}")
    metric = METRICS[name]
    if bool(network) != bool(metric.network):
        expected = f"{name}:NETWORK, for example {_EXAMPLES[metric.network]}" if metric.network else name
        raise ValueError(f"got metric {full!r}, expected {expected}")
    return metric


_EXAMPLES = {"trunk": "lpips:alex", "clip": "clipscore:ViT-bigG-14-CLIPA-336/datacomp1b", None: ""}
