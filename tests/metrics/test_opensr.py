"""The scores of opensr-test: what the package says, computed once, without a trace."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from satsr.metrics.facts import METRICS
from satsr.metrics.opensr import FARTHEST_LR_PX, KEYS, opensr, opensr_score
from satsr.metrics.protocol import Protocol
from tests.metrics.input_series import SCALE, enlarged, random_pair, real_pairs, with_real_detail
from tests.metrics.metric_images import each_protocol, noisy

NAMES = ["reflectance", "spectral", "spatial", "synthesis", "hallucination", "omission", "improvement"]
IN_THE_PACKAGE = ["reflectance", "spectral", "spatial", "synthesis", "ha_metric", "om_metric", "im_metric"]


def scores(sr: Tensor, hr: Tensor, lr: Tensor, protocol: Protocol = "corrected") -> dict[str, float]:
    """Mean scores of a batch."""
    return {name: values.mean().item() for name, values in opensr(sr, hr, protocol, None, lr).items()}


def by_the_package(sr: Tensor, hr: Tensor, lr: Tensor) -> dict[str, list[float]]:
    """The package itself, on the median of three dates."""
    from opensr_test import Metrics

    low = lr[:, :, :3].sort(dim=1).values[:, 1]
    found = [Metrics().compute(lr=low[i], sr=sr[i], hr=hr[i]) for i in range(len(sr))]
    return {name: [f[key] for f in found] for name, key in zip(NAMES, IN_THE_PACKAGE, strict=True)}


def assert_says_what_the_package_says(sr: Tensor, hr: Tensor, lr: Tensor) -> None:
    ours, theirs = opensr(sr, hr, "corrected", None, lr), by_the_package(sr, hr, lr)
    assert list(ours) == NAMES
    for name in NAMES:
        assert ours[name].dtype == torch.float64
        np.testing.assert_allclose(ours[name].numpy(), theirs[name], rtol=1e-6, err_msg=name)


def test_scores_are_those_of_the_package_on_the_median_date() -> None:
    hr, lr = random_pair(0)
    assert_says_what_the_package_says(noisy(hr, 0), hr, lr)


def test_scores_of_real_images_are_those_of_the_package(real: Path) -> None:
    hr, lr = real_pairs(real, "naip")
    assert_says_what_the_package_says(with_real_detail(lr[:2, 0], hr[:2], 1), hr[:2], lr[:2].repeat(1, 3, 1, 1, 1))


def test_faults_show_in_their_scores() -> None:
    hr, lr = random_pair(1)
    plain = enlarged(lr[:, 1, :3])
    best, base = scores(hr, hr, lr), scores(plain, hr, lr)
    assert scores((0.8 * plain).clamp(0, 1), hr, lr)["reflectance"] > base["reflectance"] + 0.05
    assert scores(plain * torch.tensor([1, 1, 0.7]).view(3, 1, 1), hr, lr)["spectral"] > base["spectral"] + 5
    assert scores(plain.roll(2 * SCALE, 3), hr, lr)["spatial"] == pytest.approx(2, abs=0.1)
    assert best["synthesis"] > base["synthesis"]
    assert best["improvement"] > 0.9 > 0.5 > base["improvement"]
    assert base["omission"] > 0.3 > 0.1 > best["omission"]
    invented = with_real_detail(lr[:, 1, :3], hr.flip(2), 1.5)
    assert scores(invented, hr, lr)["hallucination"] > max(best["hallucination"], base["hallucination"]) + 0.2


def test_published_rounds_to_8_bit_and_nothing_else() -> None:
    hr, lr = random_pair(2)
    sr = noisy(hr, 2)
    rounded = [(image * 255).round() / 255 for image in (sr, hr, lr)]
    assert scores(sr, hr, lr, "published") == scores(*rounded, "corrected") != scores(sr, hr, lr, "corrected")


@each_protocol
def test_the_mask_is_ignored(protocol: Protocol) -> None:
    hr, lr = random_pair(3)
    nothing_valid = torch.zeros(2, 96, 96, dtype=torch.bool)
    for name, values in opensr(hr, hr, protocol, nothing_valid, lr).items():
        assert torch.equal(values, opensr(hr, hr, protocol, None, lr)[name])


def test_a_displacement_beyond_the_search_counts_as_its_limit() -> None:
    hr, lr = random_pair(4, size_px=128)
    assert opensr_score("spatial")(hr.roll(10 * SCALE, 3), hr, "corrected", None, lr).tolist() == [FARTHEST_LR_PX] * 2


def test_asking_for_all_scores_one_by_one_computes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from opensr_test import Metrics

    calls: list[int] = []
    compute = Metrics.compute

    def counted(self: Any, **images: Tensor) -> Any:
        calls.append(1)
        return compute(self, **images)

    monkeypatch.setattr(Metrics, "compute", counted)
    hr, lr = random_pair(5)
    together = opensr(hr, hr, "corrected", None, lr)
    for name in NAMES:
        alone = opensr_score(name)(hr.clone(), hr, "corrected", None, lr)
        assert torch.equal(alone, together[name])
        alone.fill_(-1)  # what a caller does to its scores stays with it
    assert len(calls) == 2

    changed = hr.clone()
    changed[0, 0, 40, 40] += 0.05
    assert not torch.equal(opensr_score("synthesis")(changed, hr, "corrected", None, lr), together["synthesis"])
    assert len(calls) == 4


def test_random_states_and_flags_stay_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    hr, lr = random_pair(6)
    before = random_states()
    opensr(hr, hr, "corrected", None, lr)
    assert random_states() == before


def random_states() -> list[object]:
    numbers = np.random.get_state()[1].tobytes()  # noqa: NPY002 - the state that others may rely on
    flags = [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark]
    return [random.getstate(), numbers, torch.get_rng_state().tolist(), *flags]


def test_definitions_name_the_installed_version() -> None:
    import opensr_test

    for name in KEYS:
        definition = METRICS[name].definition["corrected"]
        assert definition.startswith(f"opensr-test {opensr_test.__version__}: ")
        assert "\n" not in definition
    assert f"; {FARTHEST_LR_PX:g} where the package finds more" in METRICS["spatial"].definition["corrected"]


HR, LR = random_pair(7)
CONSTANT = HR.clone()
CONSTANT[1, :, 16:-16, 16:-16] = 0.5
CONSTANT_LR = LR.clone()
CONSTANT_LR[1] = 0.5


@pytest.mark.parametrize(
    ("sr", "hr", "lr", "message"),
    [
        (HR, HR, None, "got no lr, expected the input series"),
        (HR, HR, LR[:1], r"got lr \(1, 3, 4, 24, 24\), expected \(2, T, C_in, h, w\)"),
        (HR, HR, LR[:, :, :2], "got 2 bands in lr and 3 in hr, expected at least as many in lr"),
        (HR, HR, LR * 2, r"image 0: got lr outside \[0, 1\]"),
        (HR, HR, LR[..., 1:], "got hr 96x96 px over lr 24x23 px, expected a whole multiple in both axes"),
        (HR[:, :2], HR[:, :2], LR, "got 2 bands, opensr-test expects at least 3"),
        (HR[..., 24:, 24:], HR[..., 24:, 24:], LR, "got scale 3, opensr-test expects one that divides its border"),
        (HR[..., 36:, 36:], HR[..., 36:, 36:], LR[..., 9:, 9:], "got 60x60 px, opensr-test expects at least 64x64"),
        (CONSTANT, HR, LR, "image 1: got a constant sr inside the 16 px border"),
        (HR, CONSTANT, LR, "image 1: got a constant hr inside the 16 px border"),
        (HR, HR, CONSTANT_LR, "image 1: got a constant lr inside the 16 px border"),
        (HR, HR, HR[:, None], "image 0: got NaN for hallucination from opensr-test .*: leave it out"),
    ],
)
def test_unusable_images_are_refused(sr: Tensor, hr: Tensor, lr: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opensr(sr, hr, "corrected", None, lr)


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"got opensr score 'spatail', expected one of \['reflectance', "):
        opensr_score("spatail")
