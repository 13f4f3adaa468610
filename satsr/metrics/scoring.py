"""All metrics by name, and `score`, which runs them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.metrics.cpsnr import cpsnr
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.psnr import psnr
from satsr.metrics.ssim import ssim

_SSIM_WINDOWS = "SSIM (Gaussian 11 px, sigma 1.5, K1 = 0.01, K2 = 0.03, windows inside the image)"

MetricFunction = Callable[[Tensor, Tensor, Protocol, Tensor | None], Tensor]


@dataclass(frozen=True)
class Metric:
    """What a table needs to know about a metric.

    Attributes:
        function: (sr, hr, protocol, valid) -> float64 (N,).
        unit: unit of a score, "" for none.
        better: which direction is better.
        definition: what is computed, per protocol, in words for the reader of a table.
        needs_color: whether it is undefined for one-band images.
    """

    function: MetricFunction
    unit: str
    better: Literal["higher", "lower"]
    definition: Mapping[Protocol, str]
    needs_color: bool = False


METRICS: dict[str, Metric] = {
    "psnr": Metric(
        psnr,
        unit="dB",
        better="higher",
        definition=MappingProxyType(
            {
                "published": "10 log10(255^2 / MSE) over all bands, 8-bit, 4 px border removed, mask ignored",
                "corrected": "10 log10(1 / MSE) over all bands and valid pixels",
            }
        ),
    ),
    "ssim": Metric(
        ssim,
        unit="",
        better="higher",
        definition=MappingProxyType(
            {
                "published": f"{_SSIM_WINDOWS}, mean of bands, 8-bit, 4 px border removed, mask ignored",
                "corrected": f"{_SSIM_WINDOWS}, mean of bands, over windows with a valid center",
            }
        ),
    ),
    "cpsnr": Metric(
        cpsnr,
        unit="dB",
        better="higher",
        definition=MappingProxyType(
            {
                "published": "largest PSNR over 81 displacements (-8 to 8 px, even only), "
                "mean difference of each band removed, 8-bit, 4 px border removed, mask ignored",
                "corrected": "largest PSNR over 289 displacements (-8 to 8 px), "
                "mean difference of each band removed, over valid pixels",
            }
        ),
    ),
}


@torch.no_grad()
def score(
    sr: Tensor,
    hr: Tensor,
    names: Sequence[str],
    protocol: Protocol,
    lr: Tensor | None = None,
    valid: Tensor | None = None,
    gray: Literal["error", "repeat"] = "error",
) -> dict[str, NDArray[np.float64]]:
    """Score a batch of images.

    Args:
        sr: super-resolved images (N, C, H, W), float, in [0, 1]; the caller clips and records it.
        hr: targets of the same shape and range.
        names: keys of `METRICS`.
        protocol: "published" repeats the reference code's computation with its quirks, "corrected" is what
            the metric's definition says.
        lr: input series (N, T, C_in, h, w), for metrics that compare with the input; none here does.
        valid: bool (N, H, W), HR pixels that count; "published" ignores it, as the reference does.
        gray: for metrics of color images, refuse one-band images or repeat the band three times.

    Returns:
        For each name, one score per image (N,).

    Raises:
        ValueError: for unknown names, for images that a metric cannot score, naming the first of them.
    """
    check_protocol(protocol)
    _check_names(names)
    scores = {}
    for name in names:
        metric = METRICS[name]
        sr_bands, hr_bands = (_as_color(image, name, metric, gray) for image in (sr, hr))
        scores[name] = metric.function(sr_bands, hr_bands, protocol, valid).cpu().numpy()
    return scores


def _check_names(names: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise ValueError(f"got unknown metrics {unknown}, expected some of {sorted(METRICS)}")


def _as_color(image: Tensor, name: str, metric: Metric, gray: Literal["error", "repeat"]) -> Tensor:
    if not metric.needs_color or image.shape[1] != 1:
        return image
    if gray == "repeat":
        return image.repeat(1, 3, 1, 1)
    raise ValueError(f"all images: got one band, {name} expects color: pass gray='repeat' or leave {name} out")
