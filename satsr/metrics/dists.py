"""DISTS: structure and texture similarity of feature maps.

Ding et al., "Image quality assessment: unifying structure and texture similarity", IEEE TPAMI 2020.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.weight_files import read_weights
from satsr.metrics.checks import check_images
from satsr.metrics.protocol import CHUNK_IMAGES, Protocol, as_published, map_chunks, mask_of, replace_invalid
from satsr.perception.trunk import Trunk

# Their value for both constants, beside equations 3 and 4.
C1 = 1e-6
C2 = 1e-6
WEIGHTS = "dists_weights.pt"  # the authors' alpha and beta, in torch's cache of checkpoints


def dists_distance(
    x_maps: Sequence[Tensor], y_maps: Sequence[Tensor], alpha: Tensor | None = None, beta: Tensor | None = None
) -> Tensor:
    """Compute DISTS from the feature maps of two batches of images (equations 3 to 5): differentiable.

    Args:
        x_maps: one (N, C_i, H_i, W_i) per stage, the image itself first.
        y_maps: the same shapes.
        alpha: weights of the texture terms (sum of C_i,), not negative; None together with `beta` for equal weights.
        beta: weights of the structure terms, of the same shape; both are scaled so that together they sum to 1.

    Returns:
        (N,), 0 for equal maps, lower is better; at most 2, and at most 1 where no structure is inverted.

    Raises:
        ValueError: for maps whose shapes differ, or weights that do not fit them.
    """
    _check_maps(x_maps, y_maps)
    terms = [_texture_and_structure(x, y) for x, y in zip(x_maps, y_maps, strict=True)]
    texture, structure = (torch.cat(parts, dim=1) for parts in zip(*terms, strict=True))  # (N, sum of C_i) each
    weights = _weights(alpha, beta, texture)
    return 1 - torch.cat((texture, structure), dim=1) @ weights


def _texture_and_structure(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Compare means (equation 3) and centered maps (equation 4) of each channel: (N, C) each."""
    # Half precision would lose the variances.
    x, y = (m.to(torch.promote_types(m.dtype, torch.float32)).flatten(2) for m in (x, y))
    mean_x, mean_y = x.mean(dim=2), y.mean(dim=2)
    x, y = x - mean_x[..., None], y - mean_y[..., None]
    texture = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * (x * y).mean(dim=2) + C2) / (x.square().mean(dim=2) + y.square().mean(dim=2) + C2)
    return texture, structure


def _weights(alpha: Tensor | None, beta: Tensor | None, like: Tensor) -> Tensor:
    """Join the weights of all texture and all structure terms, scaled to sum 1 (equation 5)."""
    channels = like.shape[1]
    if alpha is None and beta is None:
        return like.new_full((2 * channels,), 1 / (2 * channels))
    if alpha is None or beta is None or alpha.shape != (channels,) or beta.shape != (channels,):
        got = [None if weight is None else tuple(weight.shape) for weight in (alpha, beta)]
        raise ValueError(
            f"got weights alpha {got[0]} and beta {got[1]}, expected ({channels},) each, one per channel of all maps, "
            "or None twice: use the weights of this network"
        )
    weights = torch.cat((alpha, beta)).to(like)
    return weights / weights.sum()


def _check_maps(x_maps: Sequence[Tensor], y_maps: Sequence[Tensor]) -> None:
    x_shapes, y_shapes = ([tuple(m.shape) for m in maps] for maps in (x_maps, y_maps))
    if not x_shapes or x_shapes != y_shapes or any(len(shape) != 4 for shape in x_shapes):
        raise ValueError(
            f"got maps {x_shapes} and {y_shapes}, expected equal lists of (N, C, H, W): "
            "take both from one network at one image size"
        )


def dists(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None, trunk: Trunk) -> Tensor:
    """Compute DISTS with a trunk's tapped layers.

    With the published VGG-16, poolings and weights are the published ones. Any other trunk keeps its poolings and
    weighs all channels equally: a relative of DISTS, which tables name by its trunk.

    Args:
        sr: super-resolved images (N, 3, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" rounds to 8 bit, in BGR order, and ignores the mask; the reference code has no DISTS.
        valid: bool (N, H, W), HR pixels that count; elsewhere SR is replaced by HR.
        trunk: the network.

    Returns:
        float64 (N,), 0 for identical images, lower is better.

    Raises:
        ValueError: from `check_images`, or for a damaged file of weights.
        FileNotFoundError: the published trunk without its published weights; says which file to put where.
    """
    check_images(sr, hr, protocol, valid)
    sr = replace_invalid(sr, hr, mask_of(valid, protocol))
    network, alpha, beta = _published(trunk) if trunk.heads == "vgg" else (trunk, None, None)
    device = next(trunk.parameters()).device

    def distance(x: Tensor, y: Tensor) -> Tensor:
        x_maps, y_maps = (_maps(network, image.float().to(device), protocol) for image in (x, y))
        return dists_distance(x_maps, y_maps, alpha, beta).double().cpu()

    return map_chunks(distance, sr, hr, size=CHUNK_IMAGES)


def _maps(trunk: Trunk, images: Tensor, protocol: Protocol) -> list[Tensor]:
    ready = as_published(images) if protocol == "published" else images
    return [ready, *trunk(ready).values()]


class L2Pooling(nn.Module):
    """Root of the mean square under a Hanning window of 3 px, every second px (Ding et al., section 3.1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Halve (N, C, H, W)."""
        row = torch.hann_window(5, periodic=False, dtype=x.dtype, device=x.device)[1:-1]
        window = torch.outer(row, row)
        kernel = (window / window.sum()).expand(x.shape[1], 1, 3, 3)
        return (F.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _published(trunk: Trunk) -> tuple[Trunk, Tensor, Tensor]:
    """Return VGG-16 with the poolings of DISTS, and its weights alpha and beta (sum of channels,)."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: copy weights.pt of the authors' DISTS_pytorch there, or name a trunk of the study"
        )
    state = read_weights(path)
    if not isinstance(state, dict) or not {"alpha", "beta"} <= set(state):
        raise ValueError(f"{path} has no alpha and beta: copy weights.pt of the authors' DISTS_pytorch there")
    pooled = {n: L2Pooling() if isinstance(m, nn.MaxPool2d) else m for n, m in trunk.layers.named_children()}
    network = Trunk(trunk.name, nn.Sequential(OrderedDict(pooled)), trunk.taps, trunk.mean, trunk.std, trunk.heads)
    return network, state["alpha"].flatten(), state["beta"].flatten()
