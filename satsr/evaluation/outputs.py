"""The images that methods made of a test split, as the evaluation left them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor


def load_outputs(folder: Path, method: str) -> Tensor:
    """Return a method's outputs on the test split in [0, 1], rounded to 8 bits: (seeds, N, C, H, W).

    Raises:
        FileNotFoundError: the evaluate stage has not run.
    """
    path = folder / f"{method}.npy"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run the evaluate stage (dvc repro evaluate)")
    return torch.from_numpy(np.load(path)).float() / 255


def contrast(images: Tensor) -> Tensor:
    """Return the standard deviation within each image, mean of its bands: (..., C, H, W) to (...)."""
    return images.std(dim=(-2, -1)).mean(dim=-1)


def contrast_table(outputs: Mapping[str, Tensor], hr: Tensor) -> pd.DataFrame:
    """Return how much there is to see in the outputs of methods, beside HR.

    Args:
        outputs: of each method, (seeds, N, C, H, W) in [0, 1].
        hr: (N, C, H, W) in [0, 1].

    Returns:
        A row per method, then HR's: images; within, the mean standard deviation within an image; of HR's, its share of
        that; flat, the share of outputs that have less than a tenth of what their own HR has.
    """
    wanted = contrast(hr)
    rows = []
    for name, images in {**outputs, "HR": hr[None]}.items():
        found = contrast(images)  # (seeds, N)
        within, flat = float(found.mean()), float((found < wanted / 10).float().mean())
        share = within / float(wanted.mean())
        rows.append({"images": name, "within": within, "of HR's": share, "flat": flat})
    return pd.DataFrame(rows)
