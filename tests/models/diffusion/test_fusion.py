"""SatDiffMoE's fusion: centres that minimize what they should, pulls, and trajectories that take part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from satsr.models.diffusion.fusion import Fusion, feature_centre, mean_centre

PART = torch.tensor([[True, True, False, True], [False, True, False, False]])


def estimates(seed: int = 0, shape: tuple[int, ...] = (2, 4, 3, 6, 5)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def summed_distance(features: Any, centre: Tensor, given: Tensor, part: Tensor) -> list[float]:
    """Per image: the sum over participants and layers of the squared distance, averaged over positions."""
    found = []
    for image, (point, trajectories) in enumerate(zip(centre, given, strict=True)):
        chosen = trajectories[part[image]]
        layers = zip(features(point[None]), features(chosen), strict=True)
        found.append(sum((own - target).square().sum(dim=(0, 1)).mean().item() for own, target in layers))
    return found


# Centres


def test_the_mean_is_that_of_the_trajectories_that_take_part() -> None:
    given = estimates()
    centre = mean_centre(given, PART)
    np.testing.assert_allclose(centre[0], given[0].numpy()[[0, 1, 3]].mean(axis=0), atol=1e-6)
    torch.testing.assert_close(centre[1], given[1, 1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_no_other_point_has_a_smaller_sum_of_squared_distances(seed: int) -> None:
    """Moving by a vector v adds exactly K v^2."""
    given, move = estimates(seed).double(), estimates(seed + 1, (2, 3, 6, 5)).double()
    centre = mean_centre(given, PART)

    def total(point: Tensor) -> Tensor:
        squared = (given - point[:, None]).square().sum(dim=(2, 3, 4))
        return (squared * PART).sum(dim=1)

    added = PART.sum(dim=1) * move.square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(total(centre + move) - total(centre), added)


def cubed(latents: Tensor) -> tuple[Tensor, ...]:
    """Two layers in which a mean of latents is not a mean of features."""
    return latents**3, torch.exp(latents[:, :1])


def test_where_features_are_latents_the_centre_stays_at_the_mean() -> None:
    given = estimates().double()
    found = feature_centre(given, PART, lambda latents: (latents,))
    torch.testing.assert_close(found, mean_centre(given, PART), atol=1e-6, rtol=0)


@pytest.mark.parametrize("inference", [False, True])
def test_the_centre_of_features_is_closer_to_them_than_the_mean(inference: bool) -> None:
    part = torch.tensor([[True, True, False, True], [True, True, True, False]])
    with torch.inference_mode(inference):
        given = 1.0 * estimates()
        found = feature_centre(given, part, cubed)
        mean = mean_centre(given, part)
        before, after = (summed_distance(cubed, point, given, part) for point in (mean, found))
    assert after[0] < before[0]
    assert after[1] < before[1]


@pytest.mark.parametrize("spread", [0.3, 0.1, 0.01])
def test_trajectories_that_nearly_agree_have_their_centre_among_them(spread: float) -> None:
    part = torch.ones(2, 4, dtype=torch.bool)
    given = estimates(1)[:, :1] + spread * estimates()
    found, mean = feature_centre(given, part, cubed), mean_centre(given, part)
    assert (found - mean).abs().max() < spread
    before, after = (summed_distance(cubed, point, given, part) for point in (mean, found))
    assert all(late < early * (1 + 1e-6) for early, late in zip(before, after, strict=True))


def test_a_centre_of_features_leaves_its_inputs_and_gradients_alone() -> None:
    layer = torch.nn.Conv2d(3, 2, 1)
    given = estimates()
    kept = given.clone()
    found = feature_centre(given, PART, lambda latents: (layer(latents).tanh(),))
    assert torch.equal(given, kept)
    assert not found.requires_grad
    assert layer.weight.grad is None


def test_a_trajectory_that_is_left_out_does_not_move_the_centre_of_features() -> None:
    given = estimates()
    other = given.clone()
    other[~PART] = 5 - 3 * other[~PART]
    torch.testing.assert_close(feature_centre(other, PART, cubed), feature_centre(given, PART, cubed))


def test_the_centre_of_an_images_features_does_not_depend_on_its_batch() -> None:
    given = estimates() * torch.tensor([1.0, 0.1]).view(2, 1, 1, 1, 1)
    part = torch.ones(2, 4, dtype=torch.bool)
    together = feature_centre(given, part, cubed)
    torch.testing.assert_close(feature_centre(given[1:], part[1:], cubed), together[1:], atol=1e-6, rtol=1e-5)


# Pulls


def test_the_strength_is_the_share_of_the_way() -> None:
    given, centre = estimates(), estimates(1, (2, 3, 6, 5))
    assert torch.equal(Fusion(strength=0).pulled(given, centre), given)
    assert torch.equal(Fusion(strength=1).pulled(given, centre), centre[:, None].expand_as(given))
    quarter = given.numpy() + 0.25 * (centre.numpy()[:, None] - given.numpy())
    np.testing.assert_allclose(Fusion(strength=0.25).pulled(given, centre), quarter, atol=1e-6)


def test_estimates_are_pulled_at_every_fifth_step_as_published() -> None:
    assert [step + 1 for step in range(50) if Fusion().due(step)] == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]
    assert all(Fusion(every=1).due(step) for step in range(7))
    assert not any(Fusion(every=0).due(step) for step in range(50))


# DiffusionDrop


def places(count: int) -> Tensor:
    return torch.stack((32 * torch.arange(count), 32 * (torch.arange(count) % 7)), dim=1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.999]), st.integers(0, 49))
def test_as_many_are_kept_as_asked_for_and_only_usable_ones(seed: int, drop: float, step: int) -> None:
    usable = torch.from_numpy(np.random.default_rng(seed).random((9, 8)) < 0.6)
    usable[:, seed % 8] = True
    part = Fusion(drop=drop).taking_part(places(9), usable, step)
    assert not (part & ~usable).any()
    expected = np.maximum(1, np.round((1 - drop) * usable.sum(dim=1).numpy()))
    np.testing.assert_array_equal(part.sum(dim=1), expected)


@pytest.mark.parametrize("per", ["step", "sample"])
def test_which_are_kept_depends_on_the_place_and_not_on_the_batch(per: Any) -> None:
    fusion, usable = Fusion(drop=0.5, drop_per=per), torch.ones(20, 6, dtype=torch.bool)
    together = fusion.taking_part(places(20), usable, 3)
    for image in (0, 7, 19):
        alone = fusion.taking_part(places(20)[image : image + 1], usable[:1], 3)
        assert torch.equal(alone[0], together[image])
    assert len({tuple(row) for row in together.tolist()}) > 5


def test_every_trajectory_is_kept_equally_often() -> None:
    part = Fusion(drop=0.5).taking_part(places(4000), torch.ones(4000, 4, dtype=torch.bool), 0)
    assert part.double().mean(dim=0).tolist() == pytest.approx([0.5] * 4, abs=0.04)  # five standard deviations


def test_a_drop_per_sample_stays_and_one_per_step_does_not() -> None:
    usable = torch.ones(5, 8, dtype=torch.bool)
    for per, different in (("sample", 1), ("step", 10)):
        fusion = Fusion(drop=0.5, drop_per=per)  # type: ignore[arg-type]
        seen = {str(fusion.taking_part(places(5), usable, step).tolist()) for step in range(10)}
        assert len(seen) == different, per


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"distance": "l1"}, "distance='l1', expected one of l2, lpips"),
        ({"drop_per": "image"}, "drop_per='image', expected one of step, sample"),
        ({"returned": "mean"}, "returned='mean', expected one of centre, nearest, random"),
        ({"every": -1}, "every=-1.*expected at least 0"),
        ({"strength": 1.5}, r"strength=1\.5.*0 to 1"),
        ({"strength": -0.1}, r"strength=-0\.1.*0 to 1"),
        ({"drop": 1.0}, r"drop=1\.0.*0 to below 1"),
    ],
)
def test_values_outside_their_range_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"fusion: got .*{reason}"):
        Fusion(**wrong)
