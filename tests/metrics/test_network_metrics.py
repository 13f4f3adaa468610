"""Metrics that look through a network: agreement with the packages that define them, and their properties."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import Tensor, nn

from satsr.metrics import score
from satsr.metrics.clipscore import clipscore
from satsr.metrics.dists import dists
from satsr.metrics.lpips import lpips
from satsr.metrics.protocol import Protocol
from satsr.perception.clip import Clip, Preprocess
from satsr.perception.trunk import save_trunk
from tests.metrics.metric_images import each_protocol, noisy, random_mask, texture
from tests.perception.made_up_weights import TINY_CLIP, lpips_package, study_trunk, tiny_clip_model, trunk_of

HR = texture(0, size=(64, 56))
SR = noisy(HR, seed=1)
NETS = ("alex", "vgg", "squeeze")


def rounded(images: Tensor) -> Tensor:
    return (images * 255).round() / 255


def tiny_clip(resize_mode: str = "shortest") -> Clip:
    values = {**TINY_CLIP["preprocess_cfg"], "size": 32, "resize_mode": resize_mode, "interpolation": "bicubic"}
    model = tiny_clip_model().requires_grad_(False)
    return Clip("tiny", model, Preprocess.of(values), lambda: open_clip.tokenizer.SimpleTokenizer(context_length=12))


# LPIPS


@pytest.mark.parametrize("net", NETS)
@torch.inference_mode()
def test_lpips_is_the_packages(net: str) -> None:
    package = lpips_package(net)
    trunk = trunk_of(package)
    for corrected, theirs in (
        ("corrected", package(SR, HR, normalize=True)),
        ("published", package(rounded(SR).flip(1), rounded(HR).flip(1))),
    ):
        ours = lpips(SR, HR, corrected, None, trunk)
        torch.testing.assert_close(ours, theirs.flatten().double(), rtol=0, atol=1e-6)
        assert (ours > 1e-3).all(), "expected distances that a wrong head would change"


@torch.inference_mode()
def test_unit_heads_are_the_packages_baseline() -> None:
    package = lpips_package("alex", lpips=False)
    trunk = trunk_of(package)
    trunk.heads = ""
    theirs = package(SR, HR, normalize=True).flatten().double()
    torch.testing.assert_close(lpips(SR, HR, "corrected", None, trunk), theirs, rtol=1e-6, atol=1e-6)


def test_lpips_of_a_study_trunk_is_a_plain_sum() -> None:
    trunk, card = study_trunk("alex")
    mean, std = (torch.tensor(v)[:, None, None] for v in (card.mean, card.std))
    x, y = (SR - mean) / std, (HR - mean) / std
    expected = torch.zeros(2)
    for layer in trunk.layers:
        x, y = layer(x), layer(y)
        if isinstance(layer, nn.ReLU):
            a, b = nn.functional.normalize(x, dim=1), nn.functional.normalize(y, dim=1)
            expected += (a - b).pow(2).sum(dim=1).mean(dim=(1, 2))
    torch.testing.assert_close(lpips(SR, HR, "corrected", None, trunk), expected.double(), rtol=0, atol=1e-6)


def test_images_too_small_for_a_trunk_are_refused() -> None:
    trunk, _ = study_trunk("alex", widths=(4,) * 4)
    with pytest.raises(ValueError, match=r"got 2x2 px, too small for study alex .*: score larger images"):
        lpips(SR[..., :2, :2], HR[..., :2, :2], "corrected", None, trunk)


# CLIPScore


@pytest.mark.parametrize("resize_mode", ["shortest", "squash"])
@torch.inference_mode()
def test_clipscore_goes_through_open_clips_preprocessing(resize_mode: str) -> None:
    """On 8-bit images; the transform for PIL images rounds to 8 bit after each of its two passes."""
    clip = tiny_clip(resize_mode)
    cfg = PreprocessCfg(
        **{**TINY_CLIP["preprocess_cfg"], "resize_mode": resize_mode, "interpolation": "bicubic"}, size=32
    )
    transform = image_transform_v2(cfg, is_train=False)

    def embed(images: Tensor) -> Tensor:
        pictures = [Image.fromarray((i.permute(1, 2, 0) * 255).round().byte().numpy()) for i in images]
        return clip.model.encode_image(torch.stack([transform(p) for p in pictures]))

    hr, sr = rounded(HR), rounded(HR.roll(1, 0))
    expected = nn.functional.cosine_similarity(embed(sr), embed(hr)).double()
    assert expected.max() < 0.995, "expected images that the network tells apart"
    torch.testing.assert_close(clipscore(sr, hr, "corrected", None, clip), expected, rtol=0, atol=1.5e-3)


@torch.inference_mode()
def test_published_clipscore_repeats_the_released_code() -> None:
    clip = tiny_clip()
    rows, columns = (np.arange(32) * side // 32 for side in HR.shape[-2:])  # nearest: the pixel at or before

    def embed(images: Tensor) -> Tensor:
        bgr = rounded(images).numpy()[:, ::-1][:, :, rows][..., columns]
        return clip.model.encode_image(torch.from_numpy(bgr.copy()))

    sr = HR.roll(1, 0)
    expected = nn.functional.cosine_similarity(embed(sr), embed(HR)).double()
    torch.testing.assert_close(clipscore(sr, HR, "published", None, clip), expected, rtol=0, atol=1e-6)
    assert (clipscore(sr, HR, "corrected", None, clip) - expected).abs().max() > 1e-3


# Properties

TRUNK, CLIP = study_trunk()[0], tiny_clip()
Of = Callable[..., Tensor]
FUNCTIONS: dict[str, Of] = {
    "lpips": lambda *images: lpips(*images, TRUNK),
    "dists": lambda *images: dists(*images, TRUNK),
    "clipscore": lambda *images: 1 - clipscore(*images, CLIP),
}
each = pytest.mark.parametrize("name", FUNCTIONS)


@each
@each_protocol
@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_identity_symmetry_and_bounds(name: str, protocol: Protocol, seed: int) -> None:
    distance, x = FUNCTIONS[name], texture(seed, size=(40, 32))
    y = noisy(x, seed, sd=0.2)
    found = distance(x, y, protocol, None)
    torch.testing.assert_close(distance(x, x, protocol, None), torch.zeros(2).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(distance(y, x, protocol, None), found, rtol=0, atol=1e-6)
    assert found.dtype == torch.float64
    limit = 4 * len(TRUNK.taps) if name == "lpips" else 2
    assert ((found > 0) & (found <= limit)).all()


@each
def test_invalid_pixels_do_not_matter(name: str) -> None:
    distance, mask = FUNCTIONS[name], random_mask(0, HR)
    spoiled = torch.where(mask.unsqueeze(1), SR, 1 - SR)
    assert torch.equal(distance(spoiled, HR, "corrected", mask), distance(SR, HR, "corrected", mask))
    assert torch.equal(distance(SR, HR, "published", mask), distance(SR, HR, "published", None))
    assert (distance(SR, HR, "corrected", mask) != distance(SR, HR, "corrected", None)).all()


# By name


def test_score_opens_a_folder_and_sees_when_it_was_trained_anew(tmp_path: Path) -> None:
    name = f"lpips:{tmp_path}"
    for seed in (0, 1):
        trunk, card = study_trunk(seed=seed)
        save_trunk(trunk, card, tmp_path)
        os.utime(tmp_path / "trunk.json", (seed + 4e9, seed + 4e9))  # as if a second had passed
        found = score(SR, HR, [name], "corrected")[name]
        np.testing.assert_allclose(found, lpips(SR, HR, "corrected", None, trunk), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lpips", "got metric 'lpips', expected lpips:NETWORK, for example lpips:alex"),
        ("clipscore", "got metric 'clipscore', expected clipscore:NETWORK"),
        ("psnr:alex", "got metric 'psnr:alex', expected psnr$"),
        ("lpips:resnet", "unknown trunk 'resnet': expected one of alex, vgg"),
        ("clipscore:resnet", "unknown CLIP 'resnet': expected ARCHITECTURE/TAG"),
        ("ipips:alex", "got unknown metric 'ipips:alex', expected one of psnr"),
    ],
)
def test_names_that_do_not_fit_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(SR, HR, [name], "corrected")


def test_gray_images_are_refused_or_repeated(tmp_path: Path) -> None:
    save_trunk(*study_trunk(), tmp_path)
    name, sr, hr = f"lpips:{tmp_path}", SR[:, :1], HR[:, :1]
    with pytest.raises(ValueError, match="expects color: pass gray='repeat'"):
        score(sr, hr, [name], "corrected")
    repeated = score(sr.repeat(1, 3, 1, 1), hr.repeat(1, 3, 1, 1), [name], "corrected")[name]
    np.testing.assert_array_equal(score(sr, hr, [name], "corrected", gray="repeat")[name], repeated)
