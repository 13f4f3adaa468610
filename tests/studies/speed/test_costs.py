"""Parameters, operations, seconds and memory."""

from __future__ import annotations

import torch
from torch import nn

from satsr.data.pairs import Batch
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.speed.costs import (
    PUBLISHED_SR3_STEPS,
    costs,
    operations,
    parameters,
    published_operations,
    times,
    training_operations,
)

RGB = ("red", "green", "blue")


def batch(count: int = 2, dates: int = 2, side: int = 8) -> Batch:
    numbers = torch.Generator().manual_seed(0)
    return Batch(
        lr=torch.rand(count, dates, 3, side, side, generator=numbers),
        lr_valid=torch.ones(count, dates, side, side, dtype=torch.bool),
        dt_days=torch.zeros(count, dates),
        hr=torch.rand(count, 3, 4 * side, 4 * side, generator=numbers),
        hr_valid=torch.ones(count, 4 * side, 4 * side, dtype=torch.bool),
        place=torch.zeros(count, 2, dtype=torch.int64),
        day=torch.zeros(count, dtype=torch.float64),
        tiles=tuple(f"{i}_0" for i in range(count)),
        regions=("a",) * count,
    )


def model(method: str, **sizes: object) -> SuperResolver:
    return SuperResolver(ModelCard(method, sizes, 2, RGB, RGB, 4)).eval()


def sampler(steps: int) -> SuperResolver:
    return model("sr3", widths=(8, 16), blocks=1, attention=(), sampling_steps=steps)


def test_a_convolution_has_the_operations_of_its_products() -> None:
    convolution = nn.Conv2d(3, 5, 3, padding=1)
    assert operations(lambda: convolution(torch.zeros(1, 3, 7, 9))) == 2 * 5 * 3 * 9 * 7 * 9


def test_every_sampling_step_costs() -> None:
    table = costs({"one": sampler(1), "three": sampler(3), "bicubic": model("bicubic")}, batch()).set_index("method")
    assert table.gflop.three > 2.9 * table.gflop.one > 0
    assert table.gflop.bicubic == 0
    assert table.parameters.one == table.parameters.three == parameters(sampler(1))[0] > 0
    assert table.parameters.bicubic == 0


def test_costs_are_those_of_one_image() -> None:
    one, many = (costs({"m": sampler(1)}, batch(count)).gflop[0] for count in (1, 4))
    assert one == many


def test_a_training_step_is_a_forward_and_twice_that_backward() -> None:
    network = sampler(1)
    forward = costs({"m": network}, batch()).gflop[0] * 1e9
    assert 2.5 * forward < training_operations(network, batch()) < 3.1 * forward
    assert all(p.grad is None for p in network.parameters())
    assert not network.training


def test_times_have_a_row_for_every_method() -> None:
    table = times({"bicubic": model("bicubic"), "sr3": sampler(1)}, batch(), (1, 2), 1, gsd_m=10.0).set_index("method")
    assert (table[["seconds", "best_seconds", "peak_mib"]] > 0).all().all()
    area_km2 = (4 * 8 * 10 / 1000) ** 2
    assert table.seconds_per_km2.sr3 == table.best_seconds.sr3 / area_km2
    assert (table.best_seconds <= table.seconds).all()


def test_memory_holds_at_least_the_largest_activation() -> None:
    small, large = (times({"m": sampler(1)}, batch(side=side), (1,), 1, 1.0).peak_mib[0] for side in (8, 32))
    assert large > 8 * 128 * 128 * 4 / 2**20  # float32 of the first level
    assert large > 8 * small


def test_the_published_sizes() -> None:
    """ESRGAN: all but the last layers run at 32 x 32, so operations are about two per weight and position."""
    esrgan, call = published_operations()
    assert 2 * 16_710_083 * 32 * 32 < esrgan < 2 * 16_710_083 * 32 * 32 * 1.3
    assert call * PUBLISHED_SR3_STEPS / esrgan > 200
