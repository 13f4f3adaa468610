"""ESRGAN's perceptual loss, and the sharpened targets that its content losses compare with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from satsr.perception.trunk import Trunk

# The reference configuration's unsharp mask (Wang et al., "Real-ESRGAN", 2021, section 3.3): a Gaussian of 51 px with
# OpenCV's standard deviation for that size, half of the residual added where it exceeds 10 of 255 levels.
RADIUS_PX = 25
SIGMA_PX = 0.3 * (RADIUS_PX - 1) + 0.8
AMOUNT, THRESHOLD = 0.5, 10 / 255


class PerceptualLoss:
    """Weighted L1 distance of the feature maps of a trunk (Johnson et al., 2016; before activation, as in ESRGAN).

    Args:
        trunk: any trunk; the paper's is VGG-19.
        layers: weight of each layer; 0 leaves one out that a profile's default has.

    Raises:
        ValueError: no layers, or a layer that the trunk does not have.
    """

    def __init__(self, trunk: Trunk, layers: dict[str, float]) -> None:
        known = [name for name, _ in trunk.layers.named_children()]
        layers = {name: weight for name, weight in layers.items() if weight}
        if not layers or set(layers) - set(known):
            raise ValueError(
                f"perceptual.layers = {sorted(layers)}, expected some of {', '.join(known)} of {trunk.name}"
            )
        self.trunk, self.layers = trunk, layers

    def __call__(self, sr: Tensor, target: Tensor) -> Tensor:
        """Return the loss of images (N, 3, H, W) in [0, 1]; one band is repeated, the gradient goes to `sr` only."""
        sr, target = (images.expand(-1, 3, -1, -1) for images in (sr, target))
        names = tuple(self.layers)
        with torch.no_grad():
            wanted = self.trunk(target, names)
        found = self.trunk(sr, names)
        terms = [w * F.l1_loss(found[n].float(), wanted[n].float()) for n, w in self.layers.items()]
        return torch.stack(terms).sum()


def sharpen(images: Tensor) -> Tensor:
    """Apply the unsharp mask of the reference's training targets.

    Args:
        images: (N, C, H, W) in [0, 1], H and W more than 25 px.

    Returns:
        The same shape and range.
    """
    residual = images - _blur(images)
    mask = _blur((residual.abs() > THRESHOLD).to(images.dtype))
    sharp = (images + AMOUNT * residual).clamp(0, 1)
    return mask * sharp + (1 - mask) * images


def _blur(images: Tensor) -> Tensor:
    offset_px = torch.arange(-RADIUS_PX, RADIUS_PX + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offset_px / SIGMA_PX) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    bands = F.pad(images, [RADIUS_PX] * 4, mode="reflect").flatten(0, 1).unsqueeze(1)  # (N * C, 1, H + 50, W + 50)
    blurred = F.conv2d(F.conv2d(bands, kernel.unsqueeze(2)), kernel.unsqueeze(3))
    return blurred.view_as(images)
