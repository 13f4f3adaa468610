"""`score` runs metrics by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.metrics.facts import Metric, find_metric, split_name
from satsr.metrics.networks import network_of
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.registry import FUNCTIONS

Gray = Literal["error", "repeat"]


@torch.no_grad()
def score(
    sr: Tensor,
    hr: Tensor,
    names: Sequence[str],
    protocol: Protocol,
    lr: Tensor | None = None,
    valid: Tensor | None = None,
    gray: Gray = "error",
) -> dict[str, NDArray[np.float64]]:
    """Score a batch of images.

    Args:
        sr: super-resolved images (N, C, H, W), float, in [0, 1]; the caller clips and records it.
        hr: targets of the same shape and range.
        names: keys of `METRICS`; a metric with a network names it behind a colon: `lpips:alex`, `lpips:FOLDER`,
            `clipscore:ViT-bigG-14-CLIPA-336/datacomp1b`.
        protocol: "published" repeats the reference code's computation with its quirks, "corrected" is what
            the metric's definition says.
        lr: input series (N, T, C_in, h, w), for metrics that compare with the input.
        valid: bool (N, H, W), HR pixels that count; "published" ignores it, as the reference does.
        gray: for metrics of color images, refuse one-band images or repeat the band three times.

    Returns:
        For each name, one score per image (N,).

    Raises:
        ValueError: for unknown names, for images that a metric cannot score, naming the first of them.
        OSError: published weights that are not on this machine.
    """
    check_protocol(protocol)
    check_gray(gray)
    metrics = {name: find_metric(name) for name in names}
    scores = {}
    for name, metric in metrics.items():
        sr_bands, hr_bands = (_as_color(image, name, metric, gray) for image in (sr, hr))
        function = FUNCTIONS[split_name(name)[0]]
        found = function(sr_bands, hr_bands, protocol, valid, **_needs(name, metric, lr))
        scores[name] = found.cpu().numpy()
    return scores


def check_gray(gray: str) -> None:
    """Check the name of a way to treat one-band images.

    Raises:
        ValueError: if it is unknown, listing the valid ones.
    """
    if gray not in get_args(Gray):
        raise ValueError(f"got gray {gray!r}, expected one of {list(get_args(Gray))}: pick one")


def _needs(name: str, metric: Metric, lr: Tensor | None) -> dict[str, Any]:
    """Return what a metric takes besides the images and the mask."""
    needs: dict[str, Any] = {"lr": lr} if metric.needs_lr else {}
    if metric.network:
        needs[metric.network] = network_of(metric.network, split_name(name)[1])
    return needs


def _as_color(image: Tensor, name: str, metric: Metric, gray: Gray) -> Tensor:
    if not metric.needs_color or image.shape[1] == 3:
        return image
    if image.shape[1] == 1 and gray == "repeat":
        return image.repeat(1, 3, 1, 1)
    if image.shape[1] == 1:
        raise ValueError(f"all images: got one band, {name} expects color: pass gray='repeat' or leave {name} out")
    if metric.network:
        raise ValueError(f"all images: got {image.shape[1]} bands, {name} expects 3: pass red, green and blue")
    return image
