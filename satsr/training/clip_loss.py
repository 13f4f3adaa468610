"""The CLIP loss: how far an output is from its target in the image space of a CLIP (Zooming Out, section 6).

The paper's code compares the features of OpenAI's RN50 by their L1 distance. Here features have length 1, so that the
loss has one scale whatever tower gives them, and the tower gets its own resize and normalization.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from satsr.perception.clip import Clip
from satsr.training.settings import ClipLossSettings


class ClipLoss:
    """The loss, with the targets' features kept where they stay the same.

    Args:
        clip: on the device that trains; frozen here.
        distance: `l1`, the mean over features of the absolute difference times their number's square root, so that it
            is of the size of the angle; or `cosine`, one minus the cosine.
    """

    def __init__(self, clip: Clip, distance: str = ClipLossSettings().distance) -> None:
        self.clip = clip.requires_grad_(False).eval()
        self.distance = distance
        self._known: dict[str, Tensor] = {}

    def __call__(self, sr: Tensor, target: Tensor, places: Sequence[str] | None = None) -> Tensor:
        """Return the loss of images (N, 3, H, W) in [0, 1]; one band is repeated, the gradient goes to `sr` only.

        Args:
            sr: outputs.
            target: of the same shape.
            places: names of the targets, where equal names mean equal images: their features are computed once.
        """
        found = self._features(sr)
        wanted = self._wanted(target, places)
        if self.distance == "cosine":
            return 1 - (found * wanted).sum(dim=1).mean()
        return (found - wanted).abs().mean() * found.shape[1] ** 0.5

    @torch.no_grad()
    def _wanted(self, target: Tensor, places: Sequence[str] | None) -> Tensor:
        if places is None:
            return self._features(target)
        new = [row for row, place in enumerate(places) if place not in self._known]
        if new:
            made = self._features(target[new])
            self._known |= {places[row]: features for row, features in zip(new, made, strict=True)}
        return torch.stack([self._known[place] for place in places])

    def _features(self, images: Tensor) -> Tensor:
        return self.clip.embed_images(images.expand(-1, 3, -1, -1))
