"""The painted surface: per-pixel layers on a grid twice as fine as the HR image, and ways to paint them."""

from collections.abc import Iterable, Sequence

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

from satsr.world.paint.materials import material
from satsr.world.paint.rasterize import Stamp, rectangles
from satsr.world.scene import LAND_COVER, MARGIN_PX, Patch

#: Fine pixels per HR pixel along each axis.
FINE = 2

_COVER = {name: i for i, name in enumerate(LAND_COVER)}


def cover(name: str) -> int:
    """Index of a land cover class in `LAND_COVER`."""
    return _COVER[name]


def covers(*names: str) -> NDArray[np.bool_]:
    """Table (256,) that is true for the named land cover classes."""
    return np.isin(np.arange(256), [_COVER[name] for name in names])


class Canvas:
    """Layers of (n, n) fine pixels, n = FINE * (size + 2 * margin).

    A pixel's reflectance is tone * (ground + vigor * greenness * (green - ground)), where ground and green
    are spectra and greenness follows the season.

    Attributes:
        ground, green: Materials, uint8.
        season: Which season the green part follows, uint8.
        cover: Land cover class, uint8.
        vigor: Share covered by the green part at full greenness, float32.
        tone: Factor on reflectance, float32.
        height_m: Height above ground, float32.
    """

    def __init__(self, size_px: int) -> None:
        self.size = FINE * (size_px + 2 * MARGIN_PX)
        shape = (self.size, self.size)
        self.ground = np.zeros(shape, np.uint8)
        self.green = np.zeros(shape, np.uint8)
        self.season = np.zeros(shape, np.uint8)
        self.cover = np.zeros(shape, np.uint8)
        self.vigor = np.zeros(shape, np.float32)
        self.tone = np.ones(shape, np.float32)
        self.height_m = np.zeros(shape, np.float32)

    def put(self, where: NDArray[np.bool_], **layers: object) -> None:
        """Set the named layers where an (n, n) mask is true."""
        for name, value in layers.items():
            getattr(self, name)[where] = value

    def put_flat(self, pixel: NDArray[np.integer], **layers: object) -> None:
        """Set the named layers at flat pixel indices."""
        for name, value in layers.items():
            getattr(self, name).ravel()[pixel] = value

    def burn(self, shapes: Sequence[shapely.Geometry]) -> NDArray[np.int32]:
        """Rasterize shapes in region coordinates; (n, n) with 1 + index of the topmost shape, 0 for none."""
        if not shapes:
            return np.zeros((self.size, self.size), np.int32)
        transform = Affine(1 / FINE, 0, -MARGIN_PX, 0, 1 / FINE, -MARGIN_PX)
        numbered = ((shape, i + 1) for i, shape in enumerate(shapes))
        return rasterio.features.rasterize(numbered, (self.size, self.size), transform=transform, dtype="int32")

    def stamp(self, patches: Iterable[Patch]) -> Stamp:
        """Rasterize oriented rectangles given in region coordinates."""
        boxes = np.array([p.box for p in patches], np.float64).reshape(-1, 5)
        boxes[:, :2] = to_fine(boxes[:, :2])
        boxes[:, 3:] *= FINE
        return rectangles(boxes, self.size)

    def paint(self, stamp: Stamp, patches: Sequence[Patch], season: int) -> None:
        """Paint stamped patches, large ones first; their green parts follow `season`."""
        pixel, owner = stamp.pixel, stamp.owner
        self.put_flat(
            pixel,
            ground=octets(material(p.material) for p in patches)[owner],
            green=octets(material(p.green or p.material) for p in patches)[owner],
            season=octets(season if p.green else 0 for p in patches)[owner],
            vigor=np.array([p.vigor for p in patches], np.float32)[owner],
            tone=np.array([p.tone for p in patches], np.float32)[owner],
        )
        classes = octets(_COVER.get(p.cover, 255) for p in patches)[owner]
        named = classes < 255
        self.put_flat(pixel[named], cover=classes[named])


def octets(values: Iterable[int]) -> NDArray[np.uint8]:
    """Small integers as a uint8 array."""
    return np.fromiter(values, np.uint8)


def to_fine(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Region coordinates to coordinates on the fine grid."""
    return (np.asarray(x) + MARGIN_PX) * FINE


def to_hr(fine: NDArray[np.floating]) -> NDArray[np.float32]:
    """Average (n, n) fine pixels to (n / FINE, n / FINE) HR pixels."""
    rows = fine[0::2] + fine[1::2]
    return (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)
