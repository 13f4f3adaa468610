"""How far a model looks: what decides the windows in which it is applied to a scene."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from satsr.models.superresolver import SuperResolver

MOVED = 1e-3  # of an output pixel, as a share of white: less is not seen
INNER_PX, BORDER_PX = 48, 24  # of the images that are looked at: a window, and what is beside it
FIXED_PX, FIXED_HALO_PX, FIXED_OVERLAP_PX = 64, 8, 16  # windows of networks in which every pixel sees the whole window
LEVELS = 255
MIXED, FRACTAL = 0.5, 1.5  # of the texture: shares of noise, and width of its smooth part in pixels


@dataclass(frozen=True)
class Reach:
    """How far a model looks, in low-resolution pixels.

    Attributes:
        halo_px: what lies further away changes no output pixel by more than 1e-3, or the halo that is taken where
            everything does (group normalization, attention over the window).
        window_px: side of the windows that belongs to such a model; 0 where any will do.
        moves_levels: how far, in levels of 255, an output pixel in the middle moves with the size of the window.
    """

    halo_px: int
    window_px: int = 0
    moves_levels: float = 0.0

    @classmethod
    def of(cls, model: SuperResolver) -> Reach:
        """Return what the model's card says, or measure it."""
        known = model.card.on_scenes
        if {"halo_px", "window_px", "moves_levels"} <= known.keys():
            return cls(int(known["halo_px"]), int(known["window_px"]), float(known["moves_levels"]))
        return measure(model)

    def for_card(self) -> dict[str, float]:
        """Return the same as a card has it."""
        return asdict(self)


@torch.inference_mode()
def measure(model: SuperResolver) -> Reach:
    """Compare a window's output with the same window's as part of a larger one, on textures of several kinds.

    Args:
        model: on any device.

    Returns:
        The smallest halo beyond which outputs differ by at most 1e-3, if it fits into the window.
    """
    differences = torch.stack([_differences(model, seed) for seed in range(2)]).amax(dim=0)  # by distance to the border
    far = (differences > MOVED).nonzero()
    halo = int(far[-1]) + 1 if len(far) else 0
    if halo < INNER_PX // 2 - 2:
        return Reach(halo)
    return Reach(FIXED_HALO_PX, FIXED_PX, LEVELS * float(differences[-1]))


def _differences(model: SuperResolver, seed: int) -> Tensor:
    """Return the largest difference of outputs for each distance to a window's border in low-resolution pixels."""
    card, device = model.card, next(model.parameters(), torch.zeros(0)).device
    lr = _texture((1, card.dates, len(card.bands_in)), INNER_PX + 2 * BORDER_PX, seed).to(device)
    inner = slice(BORDER_PX, BORDER_PX + INNER_PX)
    dt_days = -5.0 * torch.arange(card.dates, device=device).flip(0)[None]
    day = torch.full((1,), 18_000.0, device=device)
    place = torch.tensor([[0, 0]], device=device)
    whole = model(lr, dt_days, place, day)
    alone = model(lr[..., inner, inner].contiguous(), dt_days, place + BORDER_PX, day)
    cut = slice(card.scale * inner.start, card.scale * inner.stop)
    moved = (whole[..., cut, cut] - alone).abs().amax(dim=(0, 1)).unfold(0, card.scale, card.scale)
    moved = moved.unfold(1, card.scale, card.scale).amax(dim=(2, 3)).cpu()  # (INNER_PX, INNER_PX)
    steps = torch.arange(INNER_PX)
    side = torch.minimum(steps, INNER_PX - 1 - steps)
    distance = torch.minimum(side[:, None], side[None])
    return torch.stack([moved[distance == d].max() for d in range(INNER_PX // 2)])


def _texture(shape: tuple[int, int, int], side: int, seed: int) -> Tensor:
    """Return images in [0.1, 0.9] with edges and noise, equal for equal seeds."""
    rng = np.random.default_rng(seed)
    noise = rng.random((*shape, side, side), np.float32)
    smooth = ndimage.gaussian_filter(rng.random((side, side)), FRACTAL, mode="wrap")
    fields = (smooth > np.median(smooth)).astype(np.float32)
    return torch.from_numpy(0.1 + 0.8 * (MIXED * noise + (1 - MIXED) * fields)).float()
