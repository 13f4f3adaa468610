"""SatDiffMoE's trajectories: noise of places, fusion of dates, dates that show nothing, and what is returned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from satsr.data.seen import Seen
from satsr.models.files import load_model, save_model
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.superresolver import ModelCard, SuperResolver
from tests.made.same_images import assert_same
from tests.models.small_latents import (
    AUTOENCODER,
    DAY,
    PLACE,
    UNET,
    autoencoder_weights,
    days,
    network,
    prior,
    seen,
    series,
)
from tests.models.small_networks import small_trunk

# an estimate from predicted noise is divided by little signal, which blows rounding up
BY_LPIPS = {"distance": "lpips", "every": 1, "prediction": "clean"}
NEVER = {"every": 0}


@pytest.fixture(autouse=True)
def _as_in_evaluation() -> Iterator[None]:
    with torch.inference_mode():
        yield


def fused(**changes: Any) -> LatentDiffusion:
    model = network(**{"every": 1, **changes})
    if model.fusion.distance == "lpips":
        with torch.inference_mode(False):
            model.look_through(small_trunk(0))
    return model


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def differ(first: Tensor, second: Tensor) -> bool:
    return bool((first - second).abs().max() > 1e-4)


# Noise


@pytest.mark.parametrize("options", [{}, {"eta": 1.0}, {"shared_noise": True}, {"drop": 0.5}, BY_LPIPS, {"draws": 2}])
def test_an_image_depends_on_its_place_and_not_on_its_batch(options: dict[str, Any]) -> None:
    model, dt = fused(**options), days()
    lr = series() * torch.tensor([1.0, 0.3]).view(2, 1, 1, 1, 1)
    together = model(seen(lr, dt))[1]
    close(model(Seen(lr[1:], dt[1:], PLACE[1:], DAY[1:]))[0], together)
    assert differ(model(Seen(lr[1:], dt[1:], PLACE[:1], DAY[1:]))[0], together)


def equal_dates(dates: int = 3) -> tuple[Tensor, Tensor]:
    return series(1).repeat(1, dates, 1, 1, 1), torch.full((2, dates), 30.0)


def test_equal_dates_differ_by_their_noise_unless_it_is_shared() -> None:
    lr, dt = equal_dates()
    _, own = network(**NEVER).spread(seen(lr, dt))
    _, shared = network(**NEVER, shared_noise=True).spread(seen(lr, dt))
    assert (own > 1e-4).any()
    assert shared.max() < 1e-6


def test_draws_of_a_date_differ_even_where_dates_share_their_noise() -> None:
    lr, dt = equal_dates(1)
    _, spread = network(**NEVER, shared_noise=True, draws=2).spread(seen(lr, dt))
    assert (spread > 1e-4).any()


def test_other_dates_have_a_spread() -> None:
    _, by_image = network(**NEVER, shared_noise=True).spread(seen(series(), days()))
    _, by_time = network(**NEVER, shared_noise=True).spread(seen(series(1).repeat(1, 3, 1, 1, 1), days()))
    assert (by_image > 1e-4).any()
    assert (by_time > 1e-6).any()


@pytest.mark.parametrize("make", [network, lambda: network(dates="nearest")])
def test_one_trajectory_has_no_spread(make: Any) -> None:
    model = make()
    dates = 1 if model.dates == "all" else 3
    with pytest.raises(ValueError, match="one trajectory has no spread: give several dates, or set draws to 2 or more"):
        model.spread(seen(series(dates), days(dates)))


def test_the_spread_is_that_of_the_trajectories_images() -> None:
    """Without pulls and with one noise, a trajectory is what its date alone gives."""
    model, lr, dt = network(**NEVER, shared_noise=True), series(), days()
    alone = torch.stack([model(seen(lr[:, k : k + 1], dt[:, k : k + 1])) for k in range(3)])
    sr, spread = model.spread(seen(lr, dt))
    close(spread, alone.clamp(0, 1).std(dim=0))
    close(sr, model(seen(lr, dt)))


# Fusion


def test_the_order_of_dates_does_not_matter_where_noise_is_shared() -> None:
    model, lr, dt = fused(shared_noise=True), series(4), days(4)
    order = [2, 0, 3, 1]
    close(model(seen(lr[:, order], dt[:, order])), model(seen(lr, dt)))


@pytest.mark.parametrize("options", [{}, BY_LPIPS])
def test_pulled_all_the_way_at_every_step_all_trajectories_are_one(options: dict[str, Any]) -> None:
    found = [fused(strength=1.0, returned=which, **options) for which in ("nearest", "random", "centre")]
    nearest, chosen, centre = (model(seen(series(), days())) for model in found)
    close(nearest, centre)
    close(chosen, centre)


def test_a_pull_of_nothing_is_no_pull() -> None:
    first, second = (network(**options)(seen(series(), days())) for options in ({"strength": 0, "every": 1}, NEVER))
    close(first, second)


def test_pulls_bring_trajectories_together() -> None:
    spreads = []
    for strength in (0.0, 0.5, 1.0):
        model = network(every=1, strength=strength, sampling_steps=5)
        spreads.append(model.spread(seen(series(), days()))[1].mean().item())
    assert spreads[0] > spreads[1] > spreads[2] > 0


def test_a_centre_by_lpips_is_closer_to_the_trajectories_than_the_mean() -> None:
    """Only the last step is pulled, so that both fuse the same estimates."""
    lr, dt = series(), days()
    models = {distance: fused(every=3, distance=distance) for distance in ("l2", "lpips")}
    _, estimates, _ = models["l2"]._latents(seen(lr, dt))
    trunk = small_trunk(0)

    def distance(images: Tensor) -> Tensor:
        total = torch.zeros(2)
        for k in range(3):
            shown = models["l2"].autoencoder.decode(estimates[:, k]).clamp(0, 1)
            for own, target in zip(trunk(images.clamp(0, 1)).values(), trunk(shown).values(), strict=True):
                own, target = (m / m.norm(dim=1, keepdim=True).clamp(min=1e-10) for m in (own, target))
                total += (own - target).square().sum(dim=1).mean(dim=(1, 2))
        return total

    by_mean, by_lpips = (distance(model(seen(lr, dt))) for model in models.values())
    assert (by_lpips < by_mean).all()


def test_noise_that_follows_the_pull_is_another_way() -> None:
    kept, renewed = (fused(renoise=renoise, sampling_steps=4)(seen(series(), days())) for renoise in (False, True))
    assert differ(kept, renewed)


def test_other_numbers_of_steps_start_from_the_same_noise() -> None:
    """So that a study of steps changes nothing else."""
    lr, dt = series(), days()
    starts: list[Tensor] = []
    for steps in (2, 5):
        model = network(sampling_steps=steps)
        called = model._call
        first: list[Tensor] = []
        model._call = lambda noisy, *rest, called=called, first=first: (first.append(noisy), called(noisy, *rest))[1]  # type: ignore[method-assign]
        model(seen(lr, dt))
        starts.append(first[0])
    assert torch.equal(starts[0], starts[1])


def test_fusion_by_lpips_needs_a_trunk() -> None:
    model = network(**BY_LPIPS)
    with pytest.raises(ValueError, match=r"fusion by LPIPS needs a trunk: call look_through, or take distance 'l2'"):
        model(seen(series(), days()))


# Dates that show nothing


def with_black(lr: Tensor, at: int) -> Tensor:
    black = lr.clone()
    black[:, at] = 0
    return black


@pytest.mark.parametrize("options", [{}, BY_LPIPS, {"returned": "nearest"}, {"returned": "random"}, {"drop": 0.5}])
@pytest.mark.parametrize("at", [0, 1])
def test_black_dates_take_no_part(options: dict[str, Any], at: int) -> None:
    """Which of the others is dropped or returned at random may change with their number."""
    model, dt = fused(shared_noise=True, **options), days()
    others = [k for k in range(3) if k != at]
    lr = series()
    if {"drop", "random"} & {*options, *options.values()}:
        lr, dt = lr[:, :1].repeat(1, 3, 1, 1, 1), dt[:, :1].repeat(1, 3)
    expected = model(seen(lr[:, others], dt[:, others]))
    close(model(seen(with_black(lr, at), dt)), expected)


def test_black_dates_take_no_part_in_the_spread() -> None:
    model, lr, dt = network(**NEVER, shared_noise=True), series(), days()
    _, found = model.spread(seen(with_black(lr, 1), dt))
    _, expected = model.spread(seen(lr[:, [0, 2]], dt[:, [0, 2]]))
    close(found, expected)
    _, alone = model.spread(seen(with_black(with_black(lr, 1), 0), dt))
    assert alone.isnan().all()


@pytest.mark.parametrize("options", [{}, {"dates": "nearest"}, BY_LPIPS, {"drop": 0.5}, {"returned": "random"}])
def test_a_series_that_is_all_black_still_gives_an_image(options: dict[str, Any]) -> None:
    lr = torch.cat((torch.zeros_like(series()[:1]), series()[1:]))
    sr = fused(**options)(seen(lr, days()))
    assert sr.shape == (2, 3, 32, 32)
    assert sr.isfinite().all()


# What is returned


def test_the_nearest_date_is_the_one_that_shows_something() -> None:
    dt = torch.tensor([[-9.0, 4.0, -3.0], [2.0, 3.0, 1.0]])
    lr = series()
    lr[1, 2] = 0
    nearest = torch.tensor([2, 0])
    rows = torch.arange(2)
    one = network(dates="nearest", condition="control")(seen(lr, dt))
    close(one, network(condition="control")(seen(lr[rows, nearest][:, None], dt[rows, nearest][:, None])))
    returned = network(**NEVER, returned="nearest", shared_noise=True)(seen(lr, dt))
    close(returned, network()(seen(lr[rows, nearest][:, None], dt[rows, nearest][:, None])))


def test_the_centre_is_returned_without_a_pull_too() -> None:
    model = network(**NEVER)
    centre, estimates, _ = model._latents(seen(series(), days()))
    close(centre, estimates.mean(dim=1))


def test_one_at_random_is_any_of_them_by_place() -> None:
    count, model = 12, network(**NEVER, returned="random", shared_noise=True)
    lr, dt = series()[:1].repeat(count, 1, 1, 1, 1), days()[:1].repeat(count, 1)
    place, day = torch.stack((32 * torch.arange(count),) * 2, dim=1), DAY[:1].repeat(count)
    alone = torch.stack([model(Seen(lr[:, k : k + 1], dt[:, k : k + 1], place, day)) for k in range(3)], dim=1)
    errors = (alone - model(Seen(lr, dt, place, day))[:, None]).abs().amax(dim=(2, 3, 4))
    assert (errors.min(dim=1).values < 1e-5).all()
    assert set(errors.argmin(dim=1).tolist()) == {0, 1, 2}


# The model


@pytest.mark.parametrize("method", ["satdiffmoe", "controlnet"])
def test_a_model_with_pretrained_weights_comes_back(method: str, tmp_path: Path) -> None:
    rgb = ("red", "green", "blue")
    mean = {**AUTOENCODER, "latents_mean": [0.1, 0.2, 0.0, -0.3], "scaling_factor": 2.0}
    model = SuperResolver(ModelCard(method, {"autoencoder": mean, "unet": UNET, "sampling_steps": 2}, 3, rgb, rgb, 4))
    model.network.start_from(autoencoder_weights(3), prior(4).state_dict())  # type: ignore[operator]
    save_model(model.eval(), tmp_path)
    given = (series(), days(), PLACE, DAY)
    assert_same(load_model(tmp_path)(*given), model(*given))


def test_the_trunk_that_fuses_is_no_part_of_the_model(tmp_path: Path) -> None:
    rgb = ("red", "green", "blue")
    model = SuperResolver(ModelCard("satdiffmoe", {"autoencoder": AUTOENCODER, "unet": UNET}, 3, rgb, rgb, 4))
    names = set(model.state_dict())
    model.network.look_through(small_trunk(0))  # type: ignore[operator]
    assert set(model.state_dict()) == names
    save_model(model, tmp_path)
    load_model(tmp_path)
