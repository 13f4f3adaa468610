"""Facts of all metrics by name, for tables, figures and settings: no torch, and no metric's code.

What a metric computes is said in words that stand under a table; `registry` has the functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Literal

from satsr.common.settings import Protocol

Better = Literal["higher", "lower"]
Kind = Literal["trunk", "clip"]


@dataclass(frozen=True)
class Metric:
    """What a table needs to know about a metric.

    Attributes:
        unit: unit of a score, "" for none.
        better: which direction is better.
        definition: what is computed, per protocol, in words for the reader of a table.
        network: what kind of network it takes, in the name behind a colon; None for none.
        needs_color: whether it is undefined for one-band images.
        needs_lr: whether it compares with the input series.
    """

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

_PACKAGE = f"opensr-test {version('opensr-test')}"
_CONSISTENCY = "SR brought down bilinearly against LR"
_MATCHED = "SR matched to HR in tone and place, LR enlarged bilinearly"
_CORRECTNESS = (
    f"{_MATCHED}; normalized differences |x - y| / |x + y| of each pixel relative to that of LR and HR, softmin with "
    "T = 0.25, over pixels where one of them is above the upper quartile of LR against HR"
)
# Scores of that package: name, unit, better and definition; its defaults, where they depart from the paper, are named.
_OPENSR: tuple[tuple[str, str, Better, str], ...] = (
    ("reflectance", "", "lower", f"{_PACKAGE}: mean absolute difference, {_CONSISTENCY}"),
    ("spectral", "°", "lower", f"{_PACKAGE}: mean spectral angle, {_CONSISTENCY}"),
    (
        "spatial",
        "LR px",
        "lower",
        f"{_PACKAGE}: displacement by whitened phase correlation, {_CONSISTENCY}; "
        "5 where the package finds more and gives NaN",
    ),
    ("synthesis", "", "higher", f"{_PACKAGE}: mean absolute difference of SR and LR ({_MATCHED})"),
    ("hallucination", "", "lower", f"{_PACKAGE}: share of SR that is like neither HR nor LR ({_CORRECTNESS})"),
    ("omission", "", "lower", f"{_PACKAGE}: share of SR that is still like LR ({_CORRECTNESS})"),
    ("improvement", "", "higher", f"{_PACKAGE}: share of SR that is like HR ({_CORRECTNESS})"),
)

METRICS: dict[str, Metric] = {
    "psnr": Metric(
        "dB",
        "higher",
        _both(f"10 log10(255^2 / MSE) over all bands, {_CROPPED}", "10 log10(1 / MSE) over all bands and valid pixels"),
    ),
    "ssim": Metric(
        "",
        "higher",
        _both(
            f"{_SSIM_WINDOWS}, mean of bands, {_CROPPED}",
            f"{_SSIM_WINDOWS}, mean of bands, over windows with a valid center",
        ),
    ),
    "cpsnr": Metric(
        "dB",
        "higher",
        _both(
            f"largest PSNR over 81 displacements (-8 to 8 px, even only), mean difference of each band removed, "
            f"{_CROPPED}",
            "largest PSNR over 289 displacements (-8 to 8 px), mean difference of each band removed, over valid pixels",
        ),
    ),
    "cpsnr_probav": Metric(
        "dB",
        "higher",
        _both(
            "as cpsnr: the reference code has one cPSNR for all data sets",
            "the PROBA-V challenge's: largest PSNR over 49 displacements (-3 to 3 px), one mean difference over all "
            "bands removed, over clear pixels",
        ),
    ),
    "cssim": Metric(
        "",
        "higher",
        _both(
            _LIKE_OURS,
            f"largest over 49 displacements (-3 to 3 px) of {_SSIM_WINDOWS}, mean difference of each band removed",
        ),
    ),
    "mse": Metric("", "lower", _both(_LIKE_OURS, "mean squared error over all bands and valid pixels")),
    "mae": Metric("", "lower", _both(_LIKE_OURS, "mean absolute error over all bands and valid pixels")),
    "sam": Metric(
        "°",
        "lower",
        _both(_LIKE_OURS, "angle between the spectra of SR and HR, mean over valid pixels"),
        needs_color=True,
    ),
    "lpips": Metric(
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
        name: Metric(unit, better, _both(f"{words}; of 8-bit images", words), needs_color=True, needs_lr=True)
        for name, unit, better, words in _OPENSR
    },
}


def split_name(full: str) -> tuple[str, str]:
    """Split `metric:network` into its two parts; the second is "" where no network is named."""
    metric, _, network = full.partition(":")
    return metric, network


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
