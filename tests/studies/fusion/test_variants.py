"""The study of SatDiffMoE's options: variants, what they see, comparisons and calibration."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from satsr.evaluation.settings import TableSettings
from satsr.models.diffusion.options import changed
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.fusion.report import (
    against,
    by_count,
    coverage_sentence,
    images_sentence,
    options_sentence,
    steps_sentence,
    time_sentence,
    variants_styled,
)
from satsr.studies.fusion.settings import AS_SET, FusionStudySettings
from satsr.studies.fusion.uncertainty import Spread, calibration_factor, coverage, rank_correlation
from satsr.studies.fusion.variants import Variant, ablation, outputs, places, steps_variants, time_variants
from tests.models.small_latents import AUTOENCODER, UNET, network
from tests.studies.speed.test_costs import batch

TABLE = TableSettings(resamples=200)


def test_the_ablation_changes_one_option_at_a_time() -> None:
    small = network()
    variants = ablation(FusionStudySettings(), small)
    assert variants[0] == Variant(AS_SET, "")
    assert len({(v.option, v.value) for v in variants}) == len(variants)
    for variant in variants[1:]:
        differing = 2 if variant.option.startswith(("DiffusionDrop", "pulled half")) else 1
        assert len(variant.network) == differing
        with changed(small, variant.network):
            pass  # every option exists


def test_options_are_changed_for_a_while_only() -> None:
    small = network()
    before = (small.fusion, small.sampling_steps)
    with contextlib.suppress(RuntimeError), changed(small, {"strength": 1.0, "sampling_steps": 1}):
        assert (small.fusion.strength, small.sampling_steps) == (1.0, 1)
        raise RuntimeError
    assert (small.fusion, small.sampling_steps) == before


def satdiffmoe() -> SuperResolver:
    rgb = ("red", "green", "blue")
    sizes = {"autoencoder": AUTOENCODER, "unet": UNET, "sampling_steps": 3, "every": 1}
    model = SuperResolver(ModelCard("satdiffmoe", sizes, 4, rgb, rgb, 4))
    model.network = network(every=1)
    return model.eval()


def test_times_and_numbers_of_images_reach_the_network() -> None:
    model, places = satdiffmoe(), batch(dates=4)
    places = type(places)(**{**places.__dict__, "dt_days": torch.tensor([[-100.0, 0.0, 50.0, 300.0]] * 2)})
    true, permuted, later, zero = (outputs(model, places, variant) for variant in time_variants(4))
    assert all(not torch.allclose(true, wrong, atol=1e-4) for wrong in (permuted, later, zero))
    by_hand = model(places.lr, torch.zeros(2, 4), places.place, places.day).clamp(0, 1)
    torch.testing.assert_close(zero, by_hand)
    _, permuted, *_ = (outputs(model, places, variant) for variant in time_variants(1))
    other = places.dt_days[:, 2:3]  # half a series further
    torch.testing.assert_close(permuted, model(places.lr[:, :1], other, places.place, places.day).clamp(0, 1))
    two = outputs(model, places, Variant("images", "2", dates=2))
    torch.testing.assert_close(two, model(places.lr[:, :2], places.dt_days[:, :2], places.place).clamp(0, 1))


def rows(**means: float) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    base = rng.normal(20, 1, 8)
    made = [
        ("strength" if name != "base" else AS_SET, name if name != "base" else "", "psnr", f"t{r}", f"r{r}", value, 0)
        for name, mean in means.items()
        for r, value in enumerate(base + mean + rng.normal(0, 0.01, 8))
    ]
    return pd.DataFrame(made, columns=["option", "choice", "metric", "tile", "region", "value", "seed"])


def test_variants_are_compared_on_the_same_places() -> None:
    """Differences far smaller than those between places are seen."""
    table = against(rows(base=0.0, better=0.1, worse=-0.1, same=0.0), TABLE).set_index("choice")
    assert table.better[["better", "worse", "same"]].tolist() == ["yes", "no", "undecided"]
    assert table.difference.better == pytest.approx(0.1, abs=0.02)
    assert pd.isna(table.difference[""])
    said = options_sentence(table.reset_index(), "psnr")
    assert "shown to be better than as set: strength better; 1 shown to be worse" in said
    assert "The best mean: strength better (+0.1" in said
    assert said.endswith("(8 regions, one training.)")
    text = variants_styled(table.reset_index()).data
    assert text.choice.tolist() == ["", "better", "worse", "same"]
    assert text.psnr[1].startswith(f"{table['mean'].better:.3f} (+0.")


def test_few_regions_decide_nothing() -> None:
    made = rows(base=0.0, better=5.0)
    for few in (["r0"], ["r0", "r1", "r2"]):
        table = against(made[made.region.isin(few)], TABLE)
        assert table.better.tolist()[1] == "undecided"
    assert "Fewer than 6 regions cannot decide anything" in options_sentence(table, "psnr")


def test_many_tries_need_more() -> None:
    """A p that passes alone does not pass among many."""
    alone = rows(base=0.0, better=0.1)
    crowd = rows(base=0.0, better=0.1, **{f"same{k}": 0.0 for k in range(12)})
    first, among = (against(made, TABLE).set_index("choice").loc["better"] for made in (alone, crowd))
    assert first.better == "yes"
    assert among.p > first.p
    assert among.better == "undecided"


def test_rounding_is_no_difference() -> None:
    made = rows(base=0.0)
    other = made.assign(option="time", choice="zero", value=made.value + 1e-6)
    table = against(pd.concat([made, other]), TABLE)
    assert table.better.tolist()[1] == "undecided"
    assert time_sentence(table, "psnr").startswith("This run does not show that time matters")


def test_time_matters_when_wrong_times_are_worse() -> None:
    table = against(rows(base=0.0, zero=-0.5), TABLE)
    assert time_sentence(table, "psnr").startswith("Time matters in this run (by psnr: strength, zero: -0.")


def test_more_images_are_compared_with_one() -> None:
    made = rows(base=0.0, eight=0.4)
    made = made.assign(option="images", choice=made.choice.map({"": "1", "eight": "8"}), method="satdiffmoe")
    assert "8 images against 1 (8 regions, one training.)\n\n- psnr: +0." in images_sentence(made, TABLE)
    means = by_count(made, TABLE, "images")
    assert means.images.tolist() == [1, 8]
    assert (means.low < means["mean"]).all()


def spread(deviation: float, error: float = 0.1, valid: bool = True) -> Spread:
    """Return normal errors of one size, with a deviation that claims another."""
    errors = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)).abs() * error
    shown_as = torch.full_like(errors, deviation)
    return Spread(torch.zeros_like(errors), shown_as, errors, torch.full((2, 64, 64), valid))


def test_normal_errors_of_the_stated_size_are_covered_as_stated() -> None:
    levels = (0.5, 0.68, 0.9)
    table = coverage(spread(0.1), levels)
    assert table.share.tolist() == pytest.approx(list(levels), abs=0.02)
    assert coverage(spread(0.05), levels).share.iloc[2] < 0.7  # overconfident


def test_the_factor_repairs_a_deviation_of_the_wrong_size() -> None:
    found = spread(0.02)
    factor = calibration_factor(found)
    assert factor == pytest.approx(5, rel=0.03)
    assert coverage(found, (0.9,), factor).share[0] == pytest.approx(0.9, abs=0.02)
    table = pd.concat([coverage(found, (0.5, 0.9), f).assign(deviation=n) for f, n in ((1, "raw"), (factor, "fitted"))])
    assert "nominally 90 % cover: raw, 2" in coverage_sentence(table, factor, 0.5)


def test_invalid_pixels_do_not_count() -> None:
    found = spread(0.1)
    valid = torch.ones_like(found.valid)
    valid[:, :32] = False
    error = found.error.clone()
    error[:, :, :32] = 100.0
    masked = Spread(found.sr, found.deviation, error, valid)
    assert coverage(masked, (0.9,)).share[0] == pytest.approx(0.9, abs=0.02)


def test_the_rank_correlation_knows_where_errors_are() -> None:
    errors = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    valid = torch.ones(1, 16, 16, dtype=torch.bool)
    assert rank_correlation(Spread(errors, errors.square(), errors, valid)) == pytest.approx(1)
    assert rank_correlation(Spread(errors, -errors, errors, valid)) == pytest.approx(-1)


def test_a_number_of_steps_reaches_any_sampling_network() -> None:
    sizes = {"widths": (8, 16), "blocks": 1, "attention": (), "sampling_steps": 2, "eta": 0.0, "prediction": "clean"}
    rgb = ("red", "green", "blue")
    model, places = SuperResolver(ModelCard("flow", sizes, 4, rgb, rgb, 4)).eval(), batch(dates=4)
    first, two, three = (outputs(model, places, variant) for variant in steps_variants(model.network, (1, 2, 3)))
    assert torch.equal(two, model(places.lr, places.dt_days, places.place, places.day).clamp(0, 1))
    assert not torch.equal(first, two)
    assert not torch.equal(three, two)
    assert model.network.sampling_steps == 2


def test_an_option_that_a_network_does_not_have_is_refused() -> None:
    with pytest.raises(AttributeError, match="no_such"), changed(network(), {"no_such": 1}):
        pass


def test_one_step_is_set_against_the_most() -> None:
    made = rows(base=0.0, fewer=-0.3)
    made = made.assign(option="steps", choice=made.choice.map({"": "8", "fewer": "1"}), method="flow")
    said = steps_sentence(made, TABLE, "psnr", {"flow": 8})
    assert "- flow, 1 against 8: -0." in said
    assert said.endswith("worse")


@pytest.mark.parametrize(
    ("chips", "count", "expected"),
    [
        ([4, 4, 4], 1, [6]),  # the region in the middle
        ([4, 4, 4], 3, [2, 6, 10]),  # one of each, in the middle of its tiles
        ([4, 4, 4], 6, [1, 3, 5, 7, 9, 11]),
        ([4, 4, 4], 4, [2, 5, 7, 10]),
        ([1, 4, 1], 6, [0, 2, 4, 5]),  # regions with fewer give what they have
        ([2, 1], 9, [0, 1, 2]),
    ],
)
def test_places_are_of_as_many_regions_as_can_be(chips: list[int], count: int, expected: list[int]) -> None:
    regions = [f"r{number}" for number, many in enumerate(chips) for _ in range(many)]
    pairs = SimpleNamespace(index=pd.DataFrame({"region": regions}))
    assert places(pairs, count) == expected  # type: ignore[arg-type]
