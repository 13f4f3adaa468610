"""Distances between sets of images: FID and KID on the features of a named trunk."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.metrics.frechet import frechet_distance
from satsr.metrics.kernel_distance import kernel_distance
from satsr.metrics.protocol import CHUNK_IMAGES
from satsr.perception.trunk import Trunk

SET_DISTANCES = {"fid": frechet_distance, "kid": kernel_distance}
Features = NDArray[np.float32]


@torch.inference_mode()
def pooled_features(trunk: Trunk, images: Tensor) -> Features:
    """Return the mean over positions of a trunk's last tap.

    Args:
        trunk: any; the published distances use Inception, so numbers of other networks compare only with each other.
        images: (N, 3, H, W) in [0, 1]; one band is repeated.

    Returns:
        (N, D).
    """
    images = images.expand(-1, 3, -1, -1)
    device = next(trunk.parameters()).device
    last = trunk.taps[-1]
    maps = [trunk(part.float().to(device), (last,))[last] for part in images.split(CHUNK_IMAGES)]
    return torch.cat(maps).mean(dim=(2, 3)).cpu().numpy()
