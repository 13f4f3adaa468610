"""DISTS with the published network and weights, against a computation that follows the paper's equations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from satsr.metrics.dists import WEIGHTS, dists
from tests.metrics.metric_images import noisy, texture
from tests.perception.made_up_weights import lpips_package, trunk_of

HR = texture(0, size=(48, 47), images=1)
SR = noisy(HR, seed=1)


def pooled(x: Tensor) -> Tensor:
    """Root of the mean square under a Hanning window, pixel after pixel of the output."""
    window = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]) / 4
    padded = np.pad(x.numpy().astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = ((side + 1) // 2 for side in x.shape[-2:])
    squares = np.zeros((*x.shape[:2], height, width))
    for row in range(3):
        for column in range(3):
            part = padded[..., row : row + 2 * height - 1 : 2, column : column + 2 * width - 1 : 2]
            squares += window[row, column] * part**2
    return torch.from_numpy(np.sqrt(squares + 1e-12)).float()


def vgg_maps(package: nn.Module, images: Tensor) -> list[Tensor]:
    """Return the image and the five activations that DISTS compares."""
    x = (images - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    maps = [images]
    for part in package.net.children():
        for layer in part:
            x = pooled(x) if isinstance(layer, nn.MaxPool2d) else layer(x)
        maps.append(x)
    return maps


@torch.inference_mode()
def test_dists_with_published_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    package = lpips_package("vgg")
    trunk = trunk_of(package)
    with pytest.raises(FileNotFoundError, match=rf"{WEIGHTS} is missing: copy weights\.pt of the authors'"):
        dists(SR, HR, "corrected", None, trunk)
    file = tmp_path / "hub" / "checkpoints" / WEIGHTS
    file.parent.mkdir(parents=True)
    alpha, beta = torch.rand(2, 1, 1475, 1, 1, generator=torch.Generator().manual_seed(0))
    torch.save({"alpha": alpha, "beta": beta}, file)
    weights = (torch.stack([alpha, beta]) / (alpha.sum() + beta.sum())).reshape(2, 1475).double()
    similarity, channel = 0.0, 0
    for x, y in zip(vgg_maps(package, SR), vgg_maps(package, HR), strict=True):
        x, y = x[0].flatten(1).double(), y[0].flatten(1).double()
        here = slice(channel, channel + len(x))
        means = (2 * x.mean(1) * y.mean(1) + 1e-6) / (x.mean(1) ** 2 + y.mean(1) ** 2 + 1e-6)
        covariance = (x * y).mean(1) - x.mean(1) * y.mean(1)
        spreads = (2 * covariance + 1e-6) / (x.var(1, correction=0) + y.var(1, correction=0) + 1e-6)
        similarity += float((weights[0, here] * means + weights[1, here] * spreads).sum())
        channel += len(x)
    assert channel == 1475
    assert dists(SR, HR, "corrected", None, trunk).item() == pytest.approx(1 - similarity, abs=1e-5)
    torch.save({"gamma": alpha}, file)
    with pytest.raises(ValueError, match=r"has no alpha and beta: copy weights\.pt of the authors' DISTS_pytorch"):
        dists(SR, HR, "corrected", None, trunk)
