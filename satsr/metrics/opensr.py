"""The scores of opensr-test, computed by that package.

Aybar et al., "A comprehensive benchmark for optical remote sensing image super-resolution", IEEE GRSL 2024:
consistency with the input (reflectance, spectral, spatial), synthesis, and correctness (hallucination, omission,
improvement). The package's default configuration is used; where it departs from the paper, the definitions in
`facts` say what is computed.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from types import MappingProxyType

import torch
from torch import Tensor

from satsr.common.digests import content_digest
from satsr.metrics.checks import check_images, first_image
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.series import input_image, on_cpu, scale_of

# The package's defaults: `border_mask`, and `spatial_threshold_distance`, beyond which it gives NaN.
BORDER_PX = 16
FARTHEST_LR_PX = 5.0
# Phase correlation of fewer pixels than this has hardly a frequency to go by.
SMALLEST_INSIDE_LR_PX = 8

_PACKAGE = f"opensr-test {version('opensr-test')}"
# Name of a score -> its key in the package's own result.
KEYS: Mapping[str, str] = MappingProxyType(
    {
        "reflectance": "reflectance",
        "spectral": "spectral",
        "spatial": "spatial",
        "synthesis": "synthesis",
        "hallucination": "ha_metric",
        "omission": "om_metric",
        "improvement": "im_metric",
    }
)


def opensr_score(name: str) -> Callable[..., Tensor]:
    """Make the metric function of one score.

    Args:
        name: key of `KEYS`.

    Returns:
        `opensr` for that score: (sr, hr, protocol, valid, lr) -> float64 (N,).

    Raises:
        ValueError: for an unknown name, listing the valid ones.
    """
    if name not in KEYS:
        raise ValueError(f"got opensr score {name!r}, expected one of {list(KEYS)}: pick one")

    def one_score(
        sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None, lr: Tensor | None = None
    ) -> Tensor:
        return opensr(sr, hr, protocol, valid, lr)[name]

    return one_score


def opensr(
    sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None, lr: Tensor | None = None
) -> dict[str, Tensor]:
    """Compute all scores of opensr-test.

    Both protocols use the package's own definitions; "published" rounds all images to 8 bit first, as the
    reference code's images are. The single LR image that the package expects is `input_image`: the median over
    dates of the first C bands. One pass gives all scores, and the last batch is remembered, so asking for
    them one by one costs no more.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1], C at least 3: red, green and blue first.
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: ignored; the package knows no mask.
        lr: input series (N, T, C_in, h, w) in [0, 1], C_in at least C.

    Returns:
        float64 (N,) for each name of `KEYS`.

    Raises:
        ValueError: from `check_images` and `input_image`; for fewer than 3 bands, a scale that does not divide the
            16 px border, images too small for it, and for images that are constant inside it: a displacement or a
            share of detail does not exist there, and the package gives NaN or numerical noise.
    """
    check_protocol(protocol)
    # The package removes its own border, whatever the protocol.
    check_images(sr, hr, "corrected")
    low = input_image(lr, hr)
    _check_for_package(low, hr)
    images = {"sr": sr, "hr": hr, "lr": low}
    for name, image in images.items():
        _check_texture(image, name, scale_of(image, hr))
    per_image = _scores_of(_batch({name: on_cpu(image, protocol) for name, image in images.items()}))
    return {name: torch.tensor([s[name] for s in per_image], dtype=torch.float64, device=sr.device) for name in KEYS}


@dataclass(frozen=True)
class _Batch:
    """Images on the CPU, told apart by the digest of their content."""

    digest: str
    images: dict[str, Tensor] = field(compare=False)


def _batch(images: dict[str, Tensor]) -> _Batch:
    named = ((f"{name} {tuple(image.shape)}".encode(), image.numpy().tobytes()) for name, image in images.items())
    return _Batch(content_digest(chain.from_iterable(named)), images)


@lru_cache(maxsize=1)
def _scores_of(batch: _Batch) -> tuple[dict[str, float], ...]:
    sr, hr, lr = (batch.images[name] for name in ("sr", "hr", "lr"))
    return tuple(_scores_of_image(i, lr[i], sr[i], hr[i]) for i in range(len(sr)))


def _scores_of_image(number: int, lr: Tensor, sr: Tensor, hr: Tensor) -> dict[str, float]:
    from opensr_test import Metrics

    with _unseeded(), warnings.catch_warnings():
        # "spatial" and the registration to HR have defined values where this is said.
        warnings.filterwarnings("ignore", "Estimated translation is too large")
        found = Metrics().compute(lr=lr, sr=sr, hr=hr)
    scores = {name: found[key] for name, key in KEYS.items()}
    if math.isnan(scores["spatial"]):
        scores["spatial"] = FARTHEST_LR_PX
    for name, value in scores.items():
        if math.isnan(value):
            raise ValueError(f"image {number}: got NaN for {name} from {_PACKAGE}, expected a number: leave it out")
    return scores


@contextmanager
def _unseeded() -> Iterator[None]:
    """Keep the package from seeding Python, NumPy and torch and from setting cuDNN's flags.

    Its default scores draw no random numbers, so they stay the same.
    """
    from opensr_test import main

    seed_everything, main.seed_everything = main.seed_everything, lambda seed: None
    try:
        yield
    finally:
        main.seed_everything = seed_everything


def _check_for_package(lr: Tensor, hr: Tensor) -> None:
    bands, scale = hr.shape[1], scale_of(lr, hr)
    if bands < 3:
        raise ValueError(f"all images: got {bands} bands, opensr-test expects at least 3: leave its scores out")
    if BORDER_PX % scale:
        raise ValueError(
            f"all images: got scale {scale}, opensr-test expects one that divides its border of {BORDER_PX} px: "
            "leave its scores out"
        )
    smallest_px = 2 * BORDER_PX + SMALLEST_INSIDE_LR_PX * scale
    if min(hr.shape[-2:]) < smallest_px:
        raise ValueError(
            f"all images: got {hr.shape[-2]}x{hr.shape[-1]} px, opensr-test expects at least "
            f"{smallest_px}x{smallest_px} px at scale {scale}: score larger images"
        )


def _check_texture(image: Tensor, name: str, scale: int) -> None:
    border_px = BORDER_PX // scale
    inside = image[..., border_px:-border_px, border_px:-border_px].flatten(2)
    constant = first_image((inside.amax(dim=2) == inside.amin(dim=2)).all(dim=1))
    if constant is not None:
        raise ValueError(
            f"image {constant}: got a constant {name} inside the {BORDER_PX} px border, expected texture: "
            "leave the image out"
        )
