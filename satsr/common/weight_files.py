"""Files of weights that others wrote: read without running code, and refused in one line."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from satsr.common.web_pages import is_web_page


def read_weights(file: Path) -> Any:
    """Read what `torch.save` or safetensors wrote, tensors only.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut off or of another kind, such as a web page.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing: expected a file of weights")
    if is_web_page(file):
        raise ValueError(
            f"{file} is a web page, expected weights: open its address in a browser, which may ask to log in, and "
            "download it again"
        )
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of damaged files, torch's unpickler raises whatever their bytes lead it to
        raise ValueError(f"{file} cannot be read as weights ({reason_of(error)}): download it again") from None


def check_finite(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are no numbers: every output would be none.

    Raises:
        ValueError: a weight is NaN or infinite; the message names the first.
    """
    for name, value in weights.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(f"{file}: {name} is NaN or infinite, expected numbers: train or download it again")


def reason_of(error: Exception) -> str:
    """Return in one line why weights cannot be read; torch says it in the second line of many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return textwrap.shorten(" ".join(lines[:2]), 200, placeholder=" ...") or type(error).__name__
