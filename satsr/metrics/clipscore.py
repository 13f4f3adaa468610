"""CLIPScore of an output: how close it is to the target in the image space of a CLIP (Zooming Out, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import CHUNK_IMAGES, Protocol, as_published, map_chunks, mask_of, replace_invalid
from satsr.perception.clip import Clip


def clipscore(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None, clip: Clip) -> Tensor:
    """Compute the cosine similarity of the image embeddings of output and target, not rescaled.

    "published" repeats the released code: 8-bit rounding, BGR order, nearest resize to the tower's size, no
    normalization, mask ignored; no border is removed. "corrected" gives the tower what it was trained on: RGB, its own
    resize and normalization; invalid pixels of SR are replaced by those of HR.

    Args:
        sr: super-resolved images (N, 3, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.
        clip: the network.

    Returns:
        float64 (N,) in [-1, 1], 1 for identical images, higher is better.

    Raises:
        ValueError: from `check_images`.
    """
    check_images(sr, hr, protocol, valid)
    sr = replace_invalid(sr, hr, mask_of(valid, protocol))
    device = next(clip.parameters()).device

    def similarity(x: Tensor, y: Tensor) -> Tensor:
        (target,) = clip.memory.features(y, protocol, lambda image: (_embed(clip, image.to(device), protocol),))
        return (_embed(clip, x.to(device), protocol).cpu() * target.cpu()).sum(dim=1, dtype=torch.float64)

    return map_chunks(similarity, sr, hr, size=CHUNK_IMAGES)


def _embed(clip: Clip, images: Tensor, protocol: Protocol) -> Tensor:
    if protocol == "published":
        return clip.embed_images(as_published(images.float()), resize="nearest")
    return clip.embed_images(images.float())
