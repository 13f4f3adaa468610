"""The front door of the metrics: what `score` returns and what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from satsr.metrics import registry
from satsr.metrics.cpsnr import cpsnr
from satsr.metrics.facts import METRICS, find_metric
from satsr.metrics.protocol import Protocol
from satsr.metrics.psnr import psnr
from satsr.metrics.scoring import score
from satsr.metrics.ssim import ssim
from tests.metrics.input_series import random_pair
from tests.metrics.metric_images import (
    FUNCTIONS,
    PLAIN,
    PROTOCOLS,
    Function,
    each_function,
    each_protocol,
    noisy,
    texture,
)


@each_protocol
def test_score_returns_one_float64_per_image_and_metric(protocol: Protocol) -> None:
    hr = texture(17)
    scores = score(noisy(hr, 17), hr, ["ssim", "psnr"], protocol)
    assert list(scores) == ["ssim", "psnr"]
    for values in scores.values():
        assert values.shape == (2,)
        assert values.dtype == np.float64


def test_every_metric_has_facts_and_a_function() -> None:
    assert list(METRICS) == list(registry.FUNCTIONS)


def test_every_metric_defines_both_protocols() -> None:
    for metric in METRICS.values():
        assert set(metric.definition) == set(PROTOCOLS)


def test_color_metrics_refuse_or_repeat_one_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.FUNCTIONS, "color", psnr)
    monkeypatch.setitem(METRICS, "color", replace(METRICS["psnr"], needs_color=True))
    hr = texture(18, bands=1)
    sr = noisy(hr, 18)
    with pytest.raises(ValueError, match="got one band, color expects color: pass gray='repeat'"):
        score(sr, hr, ["color"], "corrected")
    repeated = score(sr, hr, ["color"], "corrected", gray="repeat")
    np.testing.assert_allclose(repeated["color"], score(sr, hr, ["psnr"], "corrected")["psnr"], rtol=1e-12)


def with_value(image: Tensor, value: float) -> Tensor:
    """A copy whose second image holds one odd value."""
    changed = image.clone()
    changed[1, 0, 5, 5] = value
    return changed


GOOD = texture(19)
NONE_VALID = torch.ones(2, 40, 36, dtype=torch.bool)
NONE_VALID[1] = False
ONLY_EDGE_VALID = NONE_VALID.clone()
ONLY_EDGE_VALID[1, 0] = True


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (with_value(GOOD, 1.5), GOOD, r"image 1: got sr in .*1\.5\], expected \[0, 1\]: clip it first"),
        (GOOD, with_value(GOOD, -1e-6), r"image 1: got hr in \[-1e-06"),
        (with_value(GOOD, math.nan), GOOD, "image 1: got NaN or infinity in sr"),
        (GOOD, with_value(GOOD, math.inf), "image 1: got NaN or infinity in hr"),
        (GOOD[..., 1:], GOOD, r"got sr \(2, 3, 40, 35\) and hr \(2, 3, 40, 36\)"),
        (GOOD[0], GOOD[0], r"expected one shape \(N, C, H, W\)"),
        (GOOD[:0], GOOD[:0], "got no images"),
        ((GOOD * 255).byte(), GOOD, r"got torch\.uint8 and torch\.float32"),
    ],
)
@each_protocol
@each_function
def test_bad_images_are_refused(function: Function, protocol: Protocol, sr: Tensor, hr: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(sr, hr, protocol)


@pytest.mark.parametrize(
    ("function", "protocol", "smallest"),
    [
        (psnr, "published", 9),
        (ssim, "published", 19),
        (cpsnr, "published", 17),
        (psnr, "corrected", 1),
        (ssim, "corrected", 11),
        (cpsnr, "corrected", 9),
    ],
)
def test_too_small_images_are_refused(function: Function, protocol: Protocol, smallest: int) -> None:
    image = torch.rand(1, 1, smallest, smallest)
    assert not function(image, image, protocol).isnan().any()
    with pytest.raises(ValueError, match=f"expected at least {smallest}x{smallest}"):
        function(image[..., 1:], image[..., 1:], protocol)


def test_unusable_masks_are_refused() -> None:
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match="image 1: got no valid pixel"):
            function(GOOD, GOOD, "corrected", NONE_VALID)
        with pytest.raises(ValueError, match=r"got valid torch\.uint8 \(2, 40, 36\), expected torch\.bool"):
            function(GOOD, GOOD, "corrected", NONE_VALID.byte())
    with pytest.raises(ValueError, match="image 1: got no valid pixel 5 px or more from the border"):
        ssim(GOOD, GOOD, "corrected", ONLY_EDGE_VALID)


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="got unknown metric 'pnsr', expected one of psnr, ssim, cpsnr, "):
        score(GOOD, GOOD, ["psnr", "pnsr"], "corrected")
    with pytest.raises(ValueError, match=r"got protocol 'paper', expected one of \['published', 'corrected'\]"):
        score(GOOD, GOOD, ["psnr"], "paper")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"got gray 'repat', expected one of \['error', 'repeat'\]"):
        score(GOOD, GOOD, ["psnr"], "corrected", gray="repat")  # type: ignore[arg-type]


def test_a_network_is_named_where_one_is_taken_and_nowhere_else() -> None:
    for name, metric in METRICS.items():
        right, wrong = (f"{name}:alex", name) if metric.network else (name, f"{name}:alex")
        assert find_metric(right) is metric
        with pytest.raises(ValueError, match=f"got metric '{wrong}', expected {name}"):
            find_metric(wrong)


def test_metrics_of_the_input_take_it_and_the_others_do_not() -> None:
    hr, lr = random_pair(20, size_px=64)
    of_input = [name for name, metric in METRICS.items() if metric.needs_lr]
    for name, values in score(hr, hr, of_input, "corrected", lr=lr).items():
        expected = registry.FUNCTIONS[name](hr, hr, "corrected", None, lr=lr)
        np.testing.assert_array_equal(values, expected, err_msg=name)
    for name in of_input:
        with pytest.raises(ValueError, match="got no lr, expected the input series"):
            score(hr, hr, [name], "corrected")
    noise = score(noisy(hr, 20), hr, PLAIN, "corrected", lr=lr)
    assert list(noise) == PLAIN
