"""What a method costs: parameters and operations, which are facts; seconds and memory, which belong to a machine."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from satsr.common.device import all_digits, best_device
from satsr.common.tile_grid import LR_PX
from satsr.data.pairs import Batch
from satsr.models.superresolver import ModelCard, SuperResolver

M2_PER_KM2 = 1_000_000


def parameters(model: SuperResolver) -> tuple[int, int]:
    """Return how many values the model has in all, and how many of them its training changed."""
    return sum(p.numel() for p in model.network.parameters()), model.parameter_count


def operations(call: Callable[[], object]) -> int:
    """Return the floating-point operations of matrix products and convolutions in a call: two per multiplication."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@torch.inference_mode()
def costs(models: Mapping[str, SuperResolver], batch: Batch) -> pd.DataFrame:
    """Count what each model has and does for one image.

    Returns:
        One row per model: method, parameters, learned, gflop (of one image of the batch).
    """
    one = _first(batch, 1)
    rows = []
    for name, model in models.items():
        every, learned = parameters(model)
        gflop = operations(lambda model=model: model(*one.seen().to(_device(model)))) / 1e9  # type: ignore[misc]
        rows.append({"method": name, "parameters": every, "learned": learned, "gflop": gflop})
    return pd.DataFrame(rows)


def training_operations(model: SuperResolver, batch: Batch) -> int:
    """Return the operations of one training step of a sampling method, forward and backward, per image."""
    model.train()

    def step() -> None:
        output, wanted = model.denoise(batch.seen(), batch.hr, 0)
        (output - wanted).square().mean().backward()

    total = operations(step)
    model.zero_grad(set_to_none=True)
    model.eval()
    return total // len(batch.tiles)


@torch.inference_mode()
def times(
    models: Mapping[str, SuperResolver], batch: Batch, sizes: Sequence[int], rounds: int, gsd_m: float
) -> pd.DataFrame:
    """Measure seconds, the methods in turn in every round, so that a machine's moods meet all of them.

    Args:
        models: by name.
        batch: places; as many as the largest size, or they are repeated.
        sizes: of the batches; the first is the one that counts as single images.
        rounds: the fastest counts.
        gsd_m: nominal metres of an output pixel.

    Returns:
        One row per model: method, seconds (per image, batch of the first size), best_seconds (per image, at
        best_batch), seconds_per_km2 (at best_batch), peak_mib (largest memory of values while one image is made).
    """
    all_digits()
    seconds: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for name, model in models.items():
            for size in sizes:
                given = _first(batch, size).seen().to(_device(model))
                seconds.setdefault((name, size), []).append(_seconds(lambda: model(*given)) / size)  # noqa: B023
    one = _first(batch, 1)
    area_km2 = one.hr.shape[-1] * one.hr.shape[-2] * gsd_m**2 / M2_PER_KM2
    rows = []
    for name, model in models.items():
        fastest = {size: min(seconds[name, size]) for size in sizes}
        best = min(fastest, key=lambda size: fastest[size])
        row = {"method": name, "seconds": fastest[sizes[0]], "best_batch": best, "best_seconds": fastest[best]}
        rows.append({**row, "seconds_per_km2": fastest[best] / area_km2, "peak_mib": peak_mib(model, one)})
    return pd.DataFrame(rows)


@torch.inference_mode()
def peak_mib(model: SuperResolver, batch: Batch) -> float:
    """Return the largest memory of values, beside the weights, while a batch is super-resolved, in MiB."""
    device = _device(model)
    given = batch.seen().to(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        model(*given)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        model(*given)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        watched.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    levels = [event["args"]["Total Allocated"] for event in events if event.get("name") == "[memory]"]
    return (max(levels) - levels[0]) / 2**20


def _seconds(call: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    result = call()
    if result.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _first(batch: Batch, size: int) -> Batch:
    """Return the first images of a batch, repeated where it has fewer."""
    chosen = torch.arange(size) % len(batch.tiles)
    tensors = ("lr", "lr_valid", "dt_days", "hr", "hr_valid", "place", "day")
    parts: dict[str, Any] = {name: getattr(batch, name)[chosen] for name in tensors}
    names: dict[str, Any] = {
        name: tuple(getattr(batch, name)[i] for i in chosen.tolist()) for name in ("tiles", "regions")
    }
    return Batch(**parts, **names)


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), best_device())


# Of the paper's configuration of SR3; its network is called once in each.
PUBLISHED_SR3_STEPS = 2000
PUBLISHED_DATES = 8


def published_operations() -> tuple[int, int]:
    """Count the operations of the published networks for one image, without memory or time for them.

    Returns:
        Of ESRGAN, and of one call of SR3's U-Net.
    """
    card = {"dates": PUBLISHED_DATES, "bands_in": ("red", "green", "blue"), "bands_out": ("red", "green", "blue")}
    sizes = {"num_feat": 64, "num_block": 23, "num_grow_ch": 32}
    with torch.device("meta"), torch.inference_mode():
        esrgan = SuperResolver(ModelCard("esrgan", sizes, scale=4, **card))  # type: ignore[arg-type]
        sr3 = SuperResolver(ModelCard("sr3", {}, scale=4, **card)).network  # type: ignore[arg-type]
        lr = torch.zeros(1, PUBLISHED_DATES, 3, LR_PX, LR_PX)
        noisy = torch.zeros(1, 3, 4 * LR_PX, 4 * LR_PX)
        beside = torch.zeros(1, 3 * PUBLISHED_DATES, *noisy.shape[-2:])
        unet = sr3.unet
        return (
            operations(lambda: esrgan.network(lr.flatten(1, 2))),
            operations(lambda: unet(torch.cat((noisy, beside), dim=1), torch.zeros(1))),  # type: ignore[operator]
        )
