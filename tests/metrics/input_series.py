"""What the tests of metrics that look at the input share: pairs of random texture with a simulated series."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import Tensor

SCALE = 4


def random_scene(seed: int, size_px: int, sigma_px: float = 1.5, bands: int = 3) -> NDArray[np.float64]:
    """Smooth random texture (C, H, W) within [0.1, 0.9], its bands alike but not equal, as in nature."""
    rng = np.random.default_rng(seed)
    white = rng.normal(size=(1, size_px, size_px)) + 0.3 * rng.normal(size=(bands, size_px, size_px))
    smooth = gaussian_filter(white, (0, sigma_px, sigma_px))
    return 0.1 + 0.8 * (smooth - smooth.min()) / np.ptp(smooth)


def low_resolution(scene: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, H, W) as a sensor of four times the pixel size sees it: optics, then the mean over each pixel."""
    seen = gaussian_filter(scene, (0, 1.5, 1.5))
    bands, height, width = seen.shape
    return seen.reshape(bands, height // SCALE, SCALE, width // SCALE, SCALE).mean(axis=(2, 4))


def random_pair(seed: int, size_px: int = 96, images: int = 2, dates: int = 3) -> tuple[Tensor, Tensor]:
    """HR (N, 3, H, W) and a series (N, T, 4, h, w) of it: noisy dates, and a fourth band that is not in HR."""
    scenes = [random_scene(seed + i, size_px) for i in range(images)]
    hr = torch.from_numpy(np.stack(scenes)).float()
    low = torch.from_numpy(np.stack([low_resolution(scene) for scene in scenes])).float()
    rgbn = torch.cat([low, 1 - low[:, :1]], dim=1)
    generator = torch.Generator().manual_seed(seed)
    noise = 0.01 * torch.randn(images, dates, *rgbn.shape[1:], generator=generator)
    return hr, (rgbn[:, None] + noise).clamp(0, 1)


def enlarged(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=SCALE, mode="bicubic").clamp(0, 1)


def real_pairs(real: Path, sensor: str) -> tuple[Tensor, Tensor]:
    """Real HR (12, 3, 128, 128) and its one date (12, 1, 3, 32, 32)."""
    files = sorted((real / "real_pairs" / sensor).glob("*_hr.png"))
    hr, lr = (
        torch.stack([_read(file.with_name(file.name.replace("_hr", kind))) for file in files])
        for kind in ("_hr", "_lr")
    )
    return hr, lr[:, None]


def with_real_detail(lr: Tensor, hr: Tensor, weight: float) -> Tensor:
    """Bicubic enlargement plus what HR has and cannot be seen on the LR grid: its true displacement is zero."""
    seen = F.interpolate(hr, scale_factor=1 / SCALE, mode="bilinear", antialias=True)
    detail = hr - F.interpolate(seen, scale_factor=SCALE, mode="bicubic")
    return (enlarged(lr) + weight * detail).clamp(0, 1)


def _read(path: Path) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 255).permute(2, 0, 1)
