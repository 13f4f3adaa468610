"""Made-up scores of methods with known differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def method_scores(
    region_effects: Sequence[float] | NDArray[np.float64],
    seed_effects: Sequence[float] | NDArray[np.float64] = (0.0,),
    chips: Sequence[int] | int = 4,
    noise: float = 0.1,
    root: int = 0,
) -> pd.DataFrame:
    """Return 20 + region effect + seed effect + noise for every chip; `chips` of each region, or the same of all."""
    rng = np.random.default_rng(root)
    per_region = [chips] * len(region_effects) if isinstance(chips, int) else chips
    rows = [
        (f"{region}_{chip}", f"r{region:02}", seed, 20 + effect + seed_effect + rng.normal(0, noise))
        for region, (effect, n) in enumerate(zip(region_effects, per_region, strict=True))
        for chip in range(n)
        for seed, seed_effect in enumerate(seed_effects)
    ]
    return pd.DataFrame(rows, columns=["tile", "region", "seed", "value"])
