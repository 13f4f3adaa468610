"""The features that a generator makes its image from, for what is learned on them."""

from __future__ import annotations

from torch import Tensor, nn

from satsr.models.superresolver import SuperResolver

FEATURES = {"srcnn": "sr", "highresnet": "sr", "esrgan": "conv_last"}  # what makes the image; features are its input


class Features(nn.Module):
    """The features of a generator, in place of its image.

    Args:
        model: one of `FEATURES`.
    """

    def __init__(self, model: SuperResolver) -> None:
        super().__init__()
        self.model = model
        self._found: list[Tensor] = []
        layer = model.network.get_submodule(FEATURES[model.card.method])
        layer.register_forward_pre_hook(lambda module, given: self._found.append(given[0]))

    def forward(self, lr: Tensor) -> Tensor:
        """Return features (N, K, H, W) of series with their dates as channels (N, T * C, h, w)."""
        self._found.clear()
        self.model(lr.unflatten(1, (self.model.card.dates, -1)))
        return self._found.pop()
