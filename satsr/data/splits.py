"""Which places are for training, validation and test; a region is never divided."""

from __future__ import annotations

import numpy as np

from satsr.common.digests import text_number
from satsr.data.readers.s2naip_folder import SPLIT_FOLDERS
from satsr.data.settings import Splits


def split_regions(names: list[str], shares: Splits, seed: int) -> dict[str, str]:
    """Assign every region (or image) to one split, at random by seed; each split gets at least one.

    Raises:
        ValueError: fewer than three regions.
    """
    if len(names) < 3:
        raise ValueError(
            f"{len(names)} regions or images, expected at least 3: one for each of {', '.join(SPLIT_FOLDERS)}"
        )
    order = np.random.default_rng([seed, 1]).permutation(sorted(names))
    total = shares.train + shares.val + shares.test
    test = max(1, round(len(names) * shares.test / total))
    val = max(1, round(len(names) * shares.val / total))
    train = max(1, len(names) - test - val)
    kinds = ["train"] * train + ["val"] * val + ["test"] * (len(names) - train - val)
    return dict(zip(order.tolist(), kinds, strict=True))


HOLD_OUT_SEED = 0


def hold_out_share(name: str) -> float:
    """Return a number in [0, 1) that depends on a name alone: below 0.1, say, and the place is held out.

    So a place stays on its side of a hold-out when others come or go, on every machine.
    """
    return (text_number(f"{HOLD_OUT_SEED} {name}") >> 32) / 2**32
