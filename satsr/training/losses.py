"""What a method is trained on. Each loss maps (sr, hr), (N, C, H, W) in [0, 1], to a scalar; weights are settings."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from satsr.metrics.ssim import mean_ssim


def ssim_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """Return (1 - SSIM) / 2 over 5 px windows with mirrored borders, as the published L2 models are trained."""
    return (1 - mean_ssim(sr, hr, window_px=5, padding="reflect").mean()) / 2


# L1 and GAN: ESRGAN's content and adversarial terms (Zooming Out, reference configuration: 1.0 and 0.1).
# MSE, L1 and SSIM together (0.3, 0.4, 0.3): SRCNN and HighResNet as WorldStrat trains them.
PIXEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "ssim": ssim_loss,
}


# Of a denoiser's output: SR3 trains with L1 (Saharia et al., 2021, equation 6 with p = 1), latent diffusion with MSE.
DENOISING_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"noise_l1": F.l1_loss, "noise_mse": F.mse_loss}


def denoising_losses(output: Tensor, wanted: Tensor, weights: dict[str, float]) -> dict[str, Tensor]:
    """Return each denoising loss that has a weight, weighted."""
    return {name: weights[name] * loss(output, wanted) for name, loss in DENOISING_LOSSES.items() if weights.get(name)}


def pixel_losses(sr: Tensor, hr: Tensor, weights: dict[str, float]) -> dict[str, Tensor]:
    """Return each pixel loss that has a weight, weighted."""
    return {name: weights[name] * loss(sr, hr) for name, loss in PIXEL_LOSSES.items() if weights.get(name)}


def adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """Return the vanilla GAN loss of a discriminator's logits (Goodfellow et al., 2014; the generator's is real=True).

    Binary cross-entropy with the non-saturating form for the generator.
    """
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def discriminator_input(image: Tensor, lr: Tensor | None, old_hr: Tensor | None = None) -> Tensor:
    """Return an image (N, C, H, W) with what a discriminator sees beside it behind it on channels.

    Source: Zooming Out, section 5: the low-resolution frames are fed to the discriminator; A.5.2: older HR too.

    Args:
        image: what is judged.
        lr: the dates (N, T, C_in, h, w), which are nearest-upsampled; None leaves them out.
        old_hr: older HR, as the image; None leaves it out.
    """
    seen = [image]
    if lr is not None:
        seen.append(F.interpolate(lr.flatten(1, 2), size=image.shape[-2:], mode="nearest"))
    if old_hr is not None:
        seen.append(old_hr)
    return torch.cat(seen, dim=1)
