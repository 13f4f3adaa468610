"""Windows of a scene: where they lie, and how neighbours are blended.

Windows lie on a lattice of cells. Along an axis window k is given the pixels from `k stride - halo` on; its inner part,
without the halo, covers cell k and the first `overlap` pixels of cell k + 1, over which it fades out while its
neighbour fades in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tiling:
    """How a scene is cut, in low-resolution pixels.

    Attributes:
        side: of a window.
        halo: at each border of a window, given to the model and not used.
        overlap: over which two neighbours are blended.
    """

    side: int
    halo: int
    overlap: int

    def __post_init__(self) -> None:
        if min(self.halo, self.overlap) < 0 or self.stride < max(1, self.overlap):
            raise ValueError(
                f"got windows of {self.side} px with a halo of {self.halo} and an overlap of {self.overlap}, expected "
                f"at least {2 * self.halo + 2 * max(1, self.overlap)} px: give larger windows"
            )

    @property
    def stride(self) -> int:
        """Side of a cell."""
        return self.side - 2 * self.halo - self.overlap

    def windows(self, pixels: range) -> range:
        """Return the numbers of the windows that show some pixels of an axis."""
        return range((pixels.start - self.overlap) // self.stride, (pixels.stop - 1) // self.stride + 1)

    def span(self, windows: range) -> range:
        """Return the pixels that windows of an axis are given."""
        return range(windows[0] * self.stride - self.halo, windows[-1] * self.stride - self.halo + self.side)

    def weights(self, scale: int) -> NDArray[np.float32]:
        """Return what the inner part of a window counts along an axis, in output pixels; neighbours sum to 1."""
        fading = self.overlap * scale
        rising = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fading) + 0.5) / max(1, fading))
        return np.concatenate([rising, np.ones((self.stride - self.overlap) * scale), 1 - rising]).astype(np.float32)
