"""The plain loop of small trainings: minimize a loss, in place."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from satsr.common.device import best_device, best_layout, best_precision
from satsr.common.progress import Progress

WARM_UP_STEPS = 10
WEIGHT_DECAY = 0.05


def minimize(what: str, network: nn.Module, loss_of: Callable[[int], Tensor], steps: int, learning_rate: float) -> None:
    """Train a network on the fastest device and bring it back: AdamW, a short warm-up and a cosine down to zero.

    Args:
        what: name for the progress lines.
        network: everything that learns.
        loss_of: returns the loss of a step, counted from 0; called under autocast.
        steps: number of steps.
        learning_rate: at the end of the warm-up.

    Raises:
        RuntimeError: a loss is not finite.
    """
    device, bf16 = best_device(), best_precision() == "bf16-mixed"
    network.to(device).to(memory_format=best_layout(network, device)).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
    )
    progress = Progress(f"train {what}", steps, "steps")
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * schedule(step, steps)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = loss_of(step)
        if not torch.isfinite(loss):
            raise RuntimeError(f"{what}: the loss is {float(loss.detach())} at step {step}; lower its learning_rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        progress.step(note=f", loss {float(loss.detach()):.2f}")
    network.cpu().eval()


def schedule(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * 0.5 * (1 + math.cos(math.pi * step / steps))
