"""The images that methods made of a test split, as the evaluation left them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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
