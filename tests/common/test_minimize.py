"""The plain loop of small trainings, and work that is done once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from satsr.common.cache import make_once
from satsr.common.minimize import WARM_UP_STEPS, minimize, schedule


class Line(nn.Module):
    """A straight line; plain products, so that autocast changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.offset = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.slope).sum(dim=1) + self.offset


def points() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 2, generator=generator)
    y = x @ torch.tensor([0.7, -1.2]) + 0.4 + 0.1 * torch.randn(50, generator=generator)
    return x, y


def fitted(steps: int = 300) -> Line:
    line, (x, y) = Line(), points()

    def loss(step: int) -> Tensor:
        device = line.slope.device
        return (line(x.to(device)) - y.to(device)).square().mean()

    minimize("line", line, loss, steps, learning_rate=0.05)
    return line


def test_least_squares_are_found() -> None:
    line, (x, y) = fitted(), points()
    columns = torch.cat((x, torch.ones(50, 1)), dim=1)
    expected = torch.linalg.lstsq(columns, y[:, None]).solution[:, 0]
    found = torch.cat((line.slope, line.offset[None])).detach()
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0)


def test_the_network_comes_back_ready_for_inference_and_the_same_every_time() -> None:
    first, second = fitted(5), fitted(5)
    assert not first.training
    assert first.slope.device.type == "cpu"
    assert torch.equal(first.slope, second.slope)


def test_every_step_is_counted_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    seen, line = [], Line()

    def loss(step: int) -> Tensor:
        seen.append(step)
        return line.slope.square().sum() + 4

    minimize("the thing", line, loss, 7, 0.1)
    assert seen == list(range(7))
    assert "train the thing" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_not_finite_stops_with_what_and_the_remedy(value: str) -> None:
    line = Line()

    def loss(step: int) -> Tensor:
        return line.offset + (float(value) if step == 3 else 1.0)

    with pytest.raises(RuntimeError, match=f"^prior: the loss is {value} at step 3; lower its learning_rate"):
        minimize("prior", line, loss, 9, 0.1)


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    shares = [schedule(step, 1000) for step in range(1001)]
    assert shares[0] == pytest.approx(1 / WARM_UP_STEPS)
    assert max(shares) == pytest.approx(1, abs=1e-3)
    assert shares[500] == pytest.approx(0.5)
    assert shares[1000] == pytest.approx(0)
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


# Work that is done once


def test_work_is_done_once(tmp_path: Path) -> None:
    finished, calls = tmp_path / "finished", []

    def make(to: Path) -> None:
        calls.append(to)
        to.mkdir()
        (to / "result").write_text(f"{len(calls)}")
        assert not finished.exists()  # it appears when it is whole

    for _ in range(3):
        make_once(finished, make)
    assert len(calls) == 1
    assert (finished / "result").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["finished"]


def test_unfinished_work_is_begun_anew(tmp_path: Path) -> None:
    finished = tmp_path / "finished"

    def stops(to: Path) -> None:
        to.mkdir()
        (to / "half").touch()
        raise KeyboardInterrupt

    def ends(to: Path) -> None:
        to.mkdir()
        (to / "whole").touch()

    with pytest.raises(KeyboardInterrupt):
        make_once(finished, stops)
    assert not finished.exists()
    make_once(finished, ends)
    assert [path.name for path in finished.iterdir()] == ["whole"]
