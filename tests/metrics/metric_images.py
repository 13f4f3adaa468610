"""What the tests of the metrics share: random images and masks, and the signature of a metric."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from satsr.metrics import registry
from satsr.metrics.facts import METRICS
from satsr.metrics.protocol import Protocol

Function = Callable[..., Tensor]

PROTOCOLS: list[Protocol] = ["published", "corrected"]
# Metrics that take nothing besides the images and the mask.
PLAIN = [name for name, metric in METRICS.items() if not metric.network and not metric.needs_lr]
# Higher is better, any number of bands.
FUNCTIONS: list[Function] = [registry.FUNCTIONS[name] for name in PLAIN if METRICS[name].better == "higher"]
# Lower is better, at least two bands.
ERRORS: list[Function] = [registry.FUNCTIONS[name] for name in PLAIN if METRICS[name].better == "lower"]

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
each_function = pytest.mark.parametrize("function", FUNCTIONS)
each_error = pytest.mark.parametrize("function", ERRORS)


def texture(seed: int, bands: int = 3, size: tuple[int, int] = (40, 36), images: int = 2) -> Tensor:
    """Smooth random images (N, C, H, W) within [0.1, 0.9]."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(images, bands, *size)), (0, 0, 2, 2))
    return torch.from_numpy(0.1 + 0.8 * (smooth - smooth.min()) / np.ptp(smooth)).float()


def noisy(hr: Tensor, seed: int, sd: float = 0.05) -> Tensor:
    noise = torch.randn(hr.shape, generator=torch.Generator().manual_seed(seed))
    return (hr + sd * noise).clamp(0, 1)


def random_mask(seed: int, hr: Tensor, share: float = 0.7) -> Tensor:
    draws = torch.rand(hr.shape[0], *hr.shape[-2:], generator=torch.Generator().manual_seed(seed))
    return draws < share
