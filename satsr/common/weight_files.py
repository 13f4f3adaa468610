"""Files of weights that others wrote: read without running code, and refused in one line."""

from __future__ import annotations

import pickle
import textwrap
from pathlib import Path
from typing import Any

import torch


def read_weights(file: Path) -> Any:
    """Read what `torch.save` wrote, tensors only.

    Raises:
        ValueError: the file is cut off or of another kind.
    """
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{file} cannot be read as weights ({reason_of(error)}): download it again") from None


def reason_of(error: Exception) -> str:
    """Return in one line why weights cannot be read; torch says it in the second line of many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return textwrap.shorten(" ".join(lines[:2]), 200, placeholder=" ...") or type(error).__name__
