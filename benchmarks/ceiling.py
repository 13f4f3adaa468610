"""How close a whole ESRGAN training step comes to its convolutions alone, in bf16 and the best layout."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import prepared
from satsr.common.device import best_device
from satsr.common.paths import project_root
from satsr.pipeline.params import load_study
from satsr.training.loop import Loop
from satsr.training.settings import TrainSettings

ROUNDS, REPEATS, WARM_UP = 5, 3, 2
FULL_SIZE = {"network": {"num_feat": 64, "num_block": 23, "num_grow_ch": 32}, "discriminator": {"num_feat": 64}}
BATCH, SMALL_BATCH = 64, 8


class Shape(NamedTuple):
    """A convolution: what it takes, its weights, and which gradients it has to give."""

    given: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any
    input_learns: bool
    weight_learns: bool


def report(rounds: int = ROUNDS, repeats: int = REPEATS) -> None:
    """Print rates of the convolutions, of the shipped step and of the plain one: full size on a GPU.

    Args:
        rounds: measurements of each.
        repeats: calls in one.
    """
    on_gpu = torch.cuda.is_available()
    settings = load_study(project_root()).train["esrgan"]
    batch, changes = (BATCH, FULL_SIZE) if on_gpu else (SMALL_BATCH, {})
    settings = settings.model_copy(update={"batch": batch, "crop": 0 if on_gpu else settings.crop, **changes})
    shipped, plain = step_of(settings), step_of(settings.model_copy(update={"precision": "32-true"}), plain=True)
    # told by an eager step: a compiled block calls no hook
    shapes, flop = watched(step_of(settings, plain=True))
    alone = convolutions(shapes)
    for work in (shipped.one_step, plain.one_step, alone):
        for _ in range(WARM_UP):
            work()
    took = [[seconds(work, repeats) for work in (alone, shipped.one_step, plain.one_step)] for _ in range(rounds)]
    names = ("its convolutions alone", "shipped", "fp32, eager")
    print(f"training step of ESRGAN {dict(settings.network)}, batch {batch}, {flop / 1e12:.2f} TFLOP")
    for name, times in zip(names, zip(*took, strict=True), strict=True):
        middle = statistics.median(times)
        print(f"  {name:23s} {flop / middle / 1e12:8.2f} TFLOP/s   {batch / middle:8.1f} samples/s")
    share, gain = (statistics.median(row[a] / row[b] for row in took) for a, b in ((0, 1), (2, 1)))
    print(f"  shipped reaches {share:.2f} of its convolutions alone (wanted 0.67, goal 0.80)")
    print(f"  shipped is {gain:.2f} times as fast as fp32, eager (wanted 2.5)")


def step_of(settings: TrainSettings, plain: bool = False) -> Loop:
    """Return a training of ESRGAN that is past its start of the adversarial loss."""
    return prepared("esrgan", settings, load_study(project_root()).pairs.dates, tuned=not plain)


def watched(run: Loop) -> tuple[Counter[Shape], int]:
    """Return how often a step calls each convolution, and the operations of the step."""
    seen: Counter[Shape] = Counter()

    def see(module: Any, given: Any, output: Any) -> None:
        weight = module.weight
        learns = given[0].requires_grad, weight.requires_grad
        seen[Shape(tuple(given[0].shape), tuple(weight.shape), module.stride, module.padding, *learns)] += 1

    perceptual = getattr(run, "perceptual", None)
    parts = [run.generator, getattr(run, "discriminator", None), perceptual.trunk if perceptual else None]
    found = [m for part in filter(None, parts) for m in part.modules() if isinstance(m, nn.Conv2d)]
    hooks = [module.register_forward_hook(see) for module in found]
    with FlopCounterMode(display=False) as counter:
        run.one_step()
    for hook in hooks:
        hook.remove()
    return seen, counter.get_total_flops()


def convolutions(shapes: Counter[Shape]) -> Callable[[], None]:
    """Return work that calls every convolution as often, forward and backward, and does nothing else."""
    device = best_device()
    made: list[tuple[Any, Any, Any, Shape, int]] = []
    for shape, count in shapes.items():
        given, weight = (torch.rand(size, device=device, dtype=torch.bfloat16) for size in (shape.given, shape.weight))
        given, weight = (part.to(memory_format=torch.channels_last) for part in (given, weight))
        given.requires_grad_(shape.input_learns), weight.requires_grad_(shape.weight_learns)
        with torch.no_grad():
            pull = torch.rand_like(F.conv2d(given, weight, None, shape.stride, shape.padding))  # type: ignore[arg-type]
        made.append((given, weight, pull, shape, count))

    def work() -> None:
        for given, weight, pull, shape, count in made:
            learning = [part for part in (given, weight) if part.requires_grad]
            for _ in range(count):
                output = F.conv2d(given, weight, None, shape.stride, shape.padding)  # type: ignore[arg-type]
                if learning:
                    torch.autograd.grad(output, learning, pull)

    return work


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the time of one call, over several."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / repeats
