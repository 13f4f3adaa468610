"""What matrix products run in."""

from __future__ import annotations

import os
import shutil

import torch
from torch import Tensor, nn

from satsr.common.settings import Precision


def best_precision(asked: Precision = "auto", on_gpu: Precision = "bf16-mixed") -> Precision:
    """Return what is asked for; `auto` is bf16 where the device multiplies matrices in it, else fp32.

    Args:
        asked: by the settings.
        on_gpu: what `auto` means there: autocast costs some networks more than it saves them.
    """
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        return on_gpu
    flags = torch.backends.cpu.get_cpu_capability()
    cpu = torch.cpu._is_amx_tile_supported() or (flags == "AVX512" and torch.cpu._is_avx512_bf16_supported())
    return "bf16-mixed" if cpu else "32-true"


def all_digits() -> None:
    """Let a GPU compute float32 as float32: PyTorch lets convolutions drop 13 of the 23 digits (TF32) by default."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def fewer_digits() -> None:
    """Let a GPU drop 13 of the 23 digits in products of float32 (TF32): for training, which noise of that size spares.

    Evaluation asks for all of them again.
    """
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.allow_tf32 = True


def can_compile(device: torch.device) -> bool:
    """Return whether PyTorch can compile for a device: a GPU from 2017 on, and a C compiler, which Triton calls."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (7, 0):
        return False
    return any(map(shutil.which, filter(None, (os.environ.get("CC"), "gcc", "clang"))))


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


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device. A GPU fetches it by itself, from pinned memory, and nobody waits for it."""
    if tensor.device.type != "cpu" or device.type != "cuda":
        return tensor.to(device)
    return tensor.contiguous().pin_memory().to(device, non_blocking=True)


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a GPU."""
    return torch.cuda.mem_get_info(device)[0]
