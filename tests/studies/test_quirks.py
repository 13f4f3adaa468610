"""Each quirk of the reference code alone, against hand-made computations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from satsr.data.pairs import Batch
from satsr.evaluation.settings import TableSettings
from satsr.metrics.registry import FUNCTIONS
from satsr.studies.quirks import (
    ALL,
    quirk_table,
    quirks_as_text,
    quirks_sentence,
    relative,
    reversed_bands,
    rounded,
    upper_half,
    variants,
)
from tests.metrics.input_series import random_pair
from tests.metrics.metric_images import noisy, texture
from tests.models.small_networks import CLIP_SIZE_PX, MEAN, STD, small_clip, small_trunk

Array = NDArray[np.float64]
TRUNK, CLIP = small_trunk(0), small_clip(0)
NETWORKS = {"lpips": {"trunk": TRUNK}, "clipscore": {"clip": CLIP}}
HR = texture(0, size=(40, 40))  # square, so that a tower's way of cropping does not matter
SR = noisy(HR, 0)

each_metric = pytest.mark.parametrize("metric", variants(TRUNK, CLIP))


# One computation per metric, of one image (C, H, W) in float64; networks take float32


def levels(image: Array) -> Array:
    """Round to 8 bit, in the precision of the image."""
    return np.round(image.astype(np.float32) * np.float32(255)).astype(np.float64) / 255


def cut(image: Array) -> Array:
    return image[:, 4:-4, 4:-4]


def plain_psnr(x: Array, y: Array) -> float:
    return float(-10 * np.log10(np.mean((x - y) ** 2)))


def plain_ssim(x: Array, y: Array) -> float:
    return structural_similarity(
        x, y, channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )


def plain_cpsnr(x: Array, y: Array, step_px: int = 1) -> float:
    """The best of all displacements, each halved between the two crops."""
    height, width = x.shape[1] - 8, x.shape[2] - 8
    starts = [((8 + d + 1) // 2, (8 + d + 1) // 2 - d) for d in range(-8, 9, step_px)]
    errors = [
        x[:, top : top + height, left : left + width] - y[:, y_top : y_top + height, y_left : y_left + width]
        for top, y_top in starts
        for left, y_left in starts
    ]
    return float(-10 * np.log10(min(e.var(axis=(1, 2)).mean() for e in errors)))


def unit_maps(image: Array) -> list[Tensor]:
    x = (torch.from_numpy(image).float()[None] - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    maps = []
    for name, layer in TRUNK.layers.named_children():
        x = layer(x)
        if name in TRUNK.taps:
            maps.append(F.normalize(x, dim=1))
    return maps


def plain_lpips(x: Array, y: Array) -> float:
    pairs = zip(unit_maps(x), unit_maps(y), strict=True)
    return sum((a - b).square().sum(dim=1).mean().item() for a, b in pairs)


def cosine(x: Tensor, y: Tensor) -> float:
    return F.cosine_similarity(CLIP.model.encode_image(x), CLIP.model.encode_image(y)).item()


def normalized(image: Array) -> Tensor:
    x = F.interpolate(torch.from_numpy(image).float()[None], [CLIP_SIZE_PX] * 2, mode="bicubic", antialias=True)
    return (x.clamp(0, 1) - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def nearest(image: Array) -> Tensor:
    rows, columns = (np.arange(CLIP_SIZE_PX) * side // CLIP_SIZE_PX for side in image.shape[1:])
    return torch.from_numpy(image[:, rows][:, :, columns]).float()[None]


def plain_clipscore(x: Array, y: Array) -> float:
    return cosine(normalized(x), normalized(y))


BY_HAND: dict[str, dict[str, Callable[[Array, Array], float]]] = {
    "psnr": {
        "": plain_psnr,
        "8-bit rounding": lambda x, y: plain_psnr(levels(x), levels(y)),
        "border": lambda x, y: plain_psnr(cut(x), cut(y)),
        ALL: lambda x, y: plain_psnr(cut(levels(x)), cut(levels(y))),
    },
    "ssim": {
        "": plain_ssim,
        "8-bit rounding": lambda x, y: plain_ssim(levels(x), levels(y)),
        "border": lambda x, y: plain_ssim(cut(x), cut(y)),
        ALL: lambda x, y: plain_ssim(cut(levels(x)), cut(levels(y))),
    },
    "cpsnr": {
        "": plain_cpsnr,
        "8-bit rounding": lambda x, y: plain_cpsnr(levels(x), levels(y)),
        "border": lambda x, y: plain_cpsnr(cut(x), cut(y)),
        "even displacements": lambda x, y: plain_cpsnr(x, y, step_px=2),
        ALL: lambda x, y: plain_cpsnr(cut(levels(x)), cut(levels(y)), step_px=2),
    },
    "lpips": {
        "": plain_lpips,
        "8-bit rounding": lambda x, y: plain_lpips(levels(x), levels(y)),
        "BGR order": lambda x, y: plain_lpips(x[::-1].copy(), y[::-1].copy()),
        "[0, 1] input": lambda x, y: plain_lpips((x + 1) / 2, (y + 1) / 2),
        ALL: lambda x, y: plain_lpips((levels(x)[::-1] + 1) / 2, (levels(y)[::-1] + 1) / 2),
    },
    "clipscore": {
        "": plain_clipscore,
        "8-bit rounding": lambda x, y: plain_clipscore(levels(x), levels(y)),
        "BGR order": lambda x, y: plain_clipscore(x[::-1].copy(), y[::-1].copy()),
        "no normalization": lambda x, y: cosine(nearest(x), nearest(y)),
        ALL: lambda x, y: cosine(nearest(levels(x)[::-1]), nearest(levels(y)[::-1])),
    },
}


@each_metric
def test_every_variant_is_its_computation_by_hand(metric: str) -> None:
    ways = variants(TRUNK, CLIP)[metric]
    assert set(ways) == set(BY_HAND[metric])
    for quirk, way in ways.items():
        by_hand = [BY_HAND[metric][quirk](x, y) for x, y in zip(SR.double().numpy(), HR.double().numpy(), strict=True)]
        np.testing.assert_allclose(way(SR, HR), by_hand, rtol=0, atol=2e-5, err_msg=quirk)


@each_metric
def test_all_quirks_together_are_the_published_protocol(metric: str) -> None:
    ways = variants(TRUNK, CLIP)[metric]
    for name, protocol in (("", "corrected"), (ALL, "published")):
        expected = FUNCTIONS[metric](SR, HR, protocol, None, **NETWORKS.get(metric, {}))
        assert torch.equal(ways[name](SR, HR), expected)


def test_quirks_of_the_images_add_up_to_the_published_lpips() -> None:
    x, y = (upper_half(reversed_bands(rounded(image))) for image in (SR, HR))
    ways = variants(TRUNK, CLIP)["lpips"]
    torch.testing.assert_close(ways[""](x, y), ways[ALL](SR, HR), rtol=1e-5, atol=0)


# The table and what is said about it


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    hr, lr = random_pair(1, size_px=64, images=4)
    full, some = torch.ones(4, 64, 64, dtype=torch.bool), torch.ones(4, 3, 16, 16, dtype=torch.bool)
    place, day = torch.zeros(4, 2, dtype=torch.int64), torch.zeros(4)
    batch = Batch(lr, some, torch.zeros(4, 3), hr, full, place, day, tuple("abcd"), tuple("rrss"))
    outputs = {"smooth": 0.9 * hr, "noisy": noisy(hr, 1)}
    return quirk_table(outputs, batch, TRUNK, CLIP, TableSettings(resamples=100))


def test_the_table_has_every_variant_of_every_output(measured: pd.DataFrame) -> None:
    ways = {metric: list(quirks) for metric, quirks in variants(TRUNK, CLIP).items()}
    assert len(measured) == 2 * sum(map(len, ways.values()))
    corrected = measured[measured.quirk == ""].set_index(["metric", "output"])
    assert (corrected.change == 0).all()
    for row in measured.itertuples():
        assert row.mean - corrected["mean"][row.metric, row.output] == pytest.approx(row.change, abs=1e-9)
        assert row.low <= row.change <= row.high
    text = quirks_as_text(measured)
    assert list(zip(text.metric, text.quirk, strict=True)) == [
        (metric, quirk or "none: corrected") for metric, quirks in ways.items() for quirk in quirks
    ]
    assert text.columns.tolist() == ["metric", "quirk", "smooth", "noisy"]


def made_up(changes: dict[tuple[str, str], tuple[float, float]]) -> pd.DataFrame:
    """A table of two outputs whose corrected scores are 1 and 3 in every metric."""
    metrics = dict.fromkeys(metric for metric, _ in changes)
    cells = {**{(metric, ""): (0.0, 0.0) for metric in metrics}, **changes}
    return pd.DataFrame(
        {"metric": metric, "quirk": quirk, "output": output, "mean": corrected + change, "change": change}
        for (metric, quirk), pair in cells.items()
        for output, corrected, change in zip(("a", "b"), (1, 3), pair, strict=True)
    ).assign(low=lambda t: t.change - 0.1, high=lambda t: t.change + 0.1)


def test_the_sentence_names_the_largest_share_and_a_ranking_that_turns() -> None:
    changes = {
        ("psnr", "border"): (0.5, 0.2),
        ("psnr", ALL): (1.9, 0.0),
        ("ssim", "border"): (-0.1, -1.0),
        ("ssim", ALL): (2.1, 0.0),
    }
    said = quirks_sentence(made_up(changes))
    assert "*border* in ssim: -1.000 for the b, 0.50 times" in said
    assert said.endswith("in: ssim.")
    assert quirks_sentence(made_up({key: changes[key] for key in list(changes)[:2]})).endswith("in: no metric.")


def test_a_change_is_shown_beside_its_score_and_as_a_share() -> None:
    found = made_up({("psnr", "border"): (0.5, 0.2), ("ssim", "border"): (0.01, 0.02)})
    cells = quirks_as_text(found).set_index(["metric", "quirk"])
    assert cells.loc[("psnr", "none: corrected"), "a"] == "1.00"
    assert cells.loc[("psnr", "border"), "a"] == "1.50 (+0.50 [+0.40, +0.60])"
    assert cells.loc[("ssim", "border"), "b"] == "3.020 (+0.020 [-0.080, +0.120])"
    assert relative(found)["share"].tolist() == pytest.approx([0.25, 0.1, 0.005, 0.01])
