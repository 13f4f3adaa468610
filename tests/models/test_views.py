"""Views of one input: the plain output first, turned back where it was turned, and other noise where there is some."""

from __future__ import annotations

import pytest
import torch

from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.models.views import views

RGB = ("red", "green", "blue")


def bicubic() -> SuperResolver:
    return SuperResolver(ModelCard("bicubic", {}, 2, RGB, RGB, 4)).eval()


def given() -> torch.Tensor:
    return torch.rand(2, 2, 3, 6, 9, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_what_is_turned_is_turned_back() -> None:
    model, lr = bicubic(), given()
    outputs = list(views(model, lr, count=8))
    assert len(outputs) == 8
    for output in outputs:  # bicubic enlargement does not know directions
        torch.testing.assert_close(output, model(lr), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_a_network_that_knows_directions_gives_others_and_the_first_is_plain() -> None:
    sizes = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
    model, lr = SuperResolver(ModelCard("esrgan", sizes, 2, RGB, RGB, 4), seed=1).eval(), given()
    first, *others = views(model, lr, count=8)
    assert torch.equal(first, model(lr))
    seen = [first, *others]
    assert all((a - b).abs().max() > 1e-6 for n, a in enumerate(seen) for b in seen[:n]), "eight symmetries, each once"


@torch.inference_mode()
def test_a_sampling_method_gets_other_noise() -> None:
    sizes = {"widths": (32,), "blocks": 1, "attention": (), "sampling_steps": 2, "patch": 2}
    model, lr = SuperResolver(ModelCard("sr3", sizes, 2, RGB, RGB, 4), seed=1).eval(), given()
    place = torch.tensor([[3, 4], [50, 60]])
    first, second = views(model, lr, None, place, count=2)
    assert torch.equal(first, model(lr, None, place))
    assert (first - second).abs().max() > 1e-3


def test_a_square_has_eight_symmetries() -> None:
    for count in (0, 9):
        with pytest.raises(ValueError, match=f"got {count} views, expected 1 to 8"):
            next(views(bicubic(), given(), count=count))
