"""What matrix products run in."""

from __future__ import annotations

import torch
from torch import nn

from satsr.common.settings import Precision


def best_precision(asked: Precision = "auto") -> Precision:
    """Return what is asked for; `auto` is bf16 where the device multiplies matrices in it, else fp32."""
    if asked != "auto":
        return asked
    flags = torch.backends.cpu.get_cpu_capability()
    cpu = torch.cpu._is_amx_tile_supported() or (flags == "AVX512" and torch.cpu._is_avx512_bf16_supported())
    return "bf16-mixed" if torch.cuda.is_available() or cpu else "32-true"


def all_digits() -> None:
    """Let a GPU compute float32 as float32: PyTorch lets convolutions drop 13 of the 23 digits (TF32) by default."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def best_layout(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Return the order of values in memory that convolutions like, but for group normalization on a CPU.

    Its gradient is up to ten times as slow there in channels_last (PyTorch 2.15, bfloat16), which costs more than the
    convolutions gain.
    """
    grouped = any(isinstance(module, nn.GroupNorm) for module in network.modules())
    return torch.contiguous_format if grouped and device.type == "cpu" else torch.channels_last


def best_device() -> torch.device:
    """Return the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
