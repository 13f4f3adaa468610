"""What the loop is made of: averaged weights, losses that are read late, batches that are made early."""

from __future__ import annotations

import math
import threading

import pytest
import torch
from torch import nn

from satsr.training.ahead import Ahead
from satsr.training.averaged import Averaged
from satsr.training.loss_record import LossRecord


class Counting(nn.Module):
    """A weight, a buffer that follows it, and a count."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([8.0, -4.0]))
        self.register_buffer("norm", torch.tensor(16.0))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


def set_to(network: Counting, weight: list[float], norm: float, calls: int) -> None:
    with torch.no_grad():
        for tensor, value in ((network.weight, weight), (network.norm, norm), (network.calls, calls)):
            tensor.copy_(torch.tensor(value))


def test_averages_start_at_the_first_weights_and_move_by_a_share() -> None:
    """Powers of two, so that the known answers are exact."""
    network = Counting()
    averaged = Averaged(network, decay=0.75)
    steps = ([4.0, 0.0], 8.0, 1), ([8.0, 16.0], 0.0, 2), ([5.0, -12.0], 2.0, 3)
    for number, values in enumerate(steps):
        set_to(network, *values)
        averaged.update(first=number == 0)
    # 0.75 * (0.75 * 4 + 0.25 * 8) + 0.25 * 5, and so on
    assert averaged.module.weight.tolist() == [5.0, 0.0]
    assert averaged.module.norm.item() == 5.0
    assert averaged.module.calls.item() == 3
    assert network.weight.tolist() == [5.0, -12.0]
    assert torch.equal(averaged(torch.ones(2)), averaged.module.weight)


def test_averages_go_on_where_a_checkpoint_was_written() -> None:
    network, other = Counting(), Counting()
    averaged, resumed = Averaged(network, 0.75), Averaged(other, 0.75)
    averaged.update(first=True)
    resumed.load_state_dict(averaged.state_dict())
    for one, average in ((network, averaged), (other, resumed)):
        set_to(one, [0.0, 4.0], 0.0, 5)
        average.update(first=False)
    assert torch.equal(resumed.module.weight, averaged.module.weight)
    assert resumed.module.weight.tolist() == [6.0, -2.0]


def added(*rows: tuple[int, dict[str, float], float]) -> LossRecord:
    record = LossRecord("method")
    for step, terms, loss in rows:
        record.add(step, {name: torch.tensor(value) for name, value in terms.items()}, torch.tensor(loss))
    return record


def test_losses_come_back_in_order_and_once() -> None:
    record = added((3, {"l1": 0.5, "gan": 0.25}, 0.75), (3, {"d_real": 2.0}, 2.0), (4, {"l1": 1.0, "gan": 4.0}, 5.0))
    assert record.read() == [{"l1": 0.5, "gan": 0.25}, {"d_real": 2.0}, {"l1": 1.0, "gan": 4.0}]
    assert record.read() == []


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_the_first_loss_that_is_not_finite_is_named(bad: float) -> None:
    record = added((7, {"l1": 1.0}, 1.0), (8, {"l1": 1.0, "gan": bad}, bad), (9, {"d_real": bad}, bad))
    with pytest.raises(RuntimeError, match=r"method: the loss is (inf|nan) at step 8; .* one of l1, gan$"):
        record.read()


def test_what_is_made_ahead_is_what_was_asked_for_and_in_order() -> None:
    made: list[int] = []
    ahead = Ahead(lambda number: (made.append(number), number**2)[1], count=2, end=7)
    assert [ahead(number) for number in range(2, 7)] == [4, 9, 16, 25, 36]
    assert made == [2, 3, 4, 5, 6]  # from where a training goes on to its end, each once


def test_the_next_is_made_while_one_is_worked_on() -> None:
    reached = threading.Event()
    ahead = Ahead(lambda number: reached.set() if number == 2 else None, count=2, end=9)
    ahead(0)
    assert reached.wait(timeout=60)


def test_a_failure_comes_with_its_number() -> None:
    def make(number: int) -> int:
        if number == 1:
            raise ValueError("file is missing")
        return number

    ahead = Ahead(make, count=2, end=3)
    assert ahead(0) == 0
    with pytest.raises(ValueError, match="file is missing"):
        ahead(1)
