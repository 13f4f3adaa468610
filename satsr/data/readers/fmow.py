"""fMoW-Sentinel with fMoW-RGB: several Sentinel-2 composites and one image of 0.3 m and more of the same place.

    fmow-rgb/{split}/{category}/{category}_{location}/{category}_{location}_{image}_rgb.jpg
                                                      and _rgb.json: timestamp, gsd, raw_location, bounding_boxes, ...
    fmow-sentinel/{train,val,test_gt}.csv, or beside  category, location_id, image_id, timestamp, polygon
    fmow-sentinel/{split}/{category}/{category}_{location}/{category}_{location}_{image}.tif     13 bands
    pairs.csv                                         this project's, made by `satsr.data.readers.fmow_pairs`

with the folders `train`, `val` and `test_gt`. Layout and bands: README of fMoW-Sentinel's metadata, and those of
fMoW/dataset and sustainlab-group/SatMAE. The number of a Sentinel image is below 100 when fMoW has one of that date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from satsr.common.tile_grid import RADIUS_M
from satsr.data.images import read_png
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.fmow_pairs import MADE_BY, OK, PAIRS_FILE, RGB_ROOT, SENTINEL_ROOT, SPLITS, read_pairs
from satsr.data.readers.fmow_write import BANDS, PER_REFLECTANCE, write_data_set
from satsr.data.readers.tiffs import Box, Raster, covered, read_tiff, resized
from satsr.data.true_colour import TCI_WHITE

__all__ = ["FMoW", "write_data_set"]

DAY_S = 86_400
SNAP = 0.01  # LR pixels by which a footprint may miss a pixel's edge: coordinates are rounded
BLACK_SHARE = 0.01  # of HR, from which a place is unusable: JPEG turns single dark pixels black


class FMoW(Reader):
    """The pairs of one split, at x4, the choice of this study: fMoW's images have 0.3 m to several metres.

    The grid is that of the Sentinel image nearest in time, cut to whole pixels on the ground that all images of the
    place share, and then to `lr_px` in the middle, where fMoW's objects are. Other Sentinel images whose pixels lie
    elsewhere, and the HR image, are resampled to that ground by the triangle filter, antialiased.

    Args:
        folder: holds `fmow-rgb/`, `fmow-sentinel/` and `pairs.csv`.
        split: `train`, `val` or `test`.

    Attributes:
        lr_px: height and width of LR; a place with less common ground is unusable.
        white: LR value that stands for 1: white of ESA's true-colour image.
        hr_white: HR value that stands for 1.
    """

    facts: ClassVar[Facts] = Facts(
        name="fmow",
        title="fMoW-Sentinel, fMoW-RGB",
        lr_sensor="Sentinel-2 L1C, composites of 90 days",
        hr_sensor="Maxar satellites, 8-bit RGB",
        lr_gsd_m=10.0,
        hr_gsd_m=2.5,
        scale=4,
        lr_px=None,
        bands=BANDS,
        bands_in=("b04", "b03", "b02"),
        bands_out=("red", "green", "blue"),
        dates="at least 9 less failed downloads, half a year apart or at dates of fMoW images",
        years="LR July 2015 to December 2019",
        pairs=None,
        km2=None,
        size_gb=None,
        licence="Functional Map of the World Challenge Public License; Sentinel-2 terms",
        source="https://github.com/fMoW/dataset and https://purl.stanford.edu/vg497cb6002",
        citation="Christie et al., Functional Map of the World, 2018; Cong et al., SatMAE, 2022",
        splits={split: f"{name}/ of both data sets" for split, name in SPLITS.items()},
        notes=(
            "The pairs were never released: pairs.csv follows the recipe in satsr.data.readers.fmow_pairs.",
            "A Sentinel date is the middle of a composite of 90 days.",
            "The README names bands 8 and 9 B8A and B8B; they are read as B8 and B8A. That there is a B10 says L1C; "
            "the SatMAE paper says surface reflectance. Values are read as reflectance times 10,000, which their "
            "published means fit.",
            "raw_location is taken as the footprint of the whole HR image, north up, as other loaders do.",
            "Names of fMoW-RGB's test images are hidden: arrange them with test_gt_mapping.json into test_gt/ first.",
            "How 8-bit HR values came from reflectance is not published; this project's own data use ESA's true-colour "
            "rule.",
            "A place is unusable when 1 % of its HR pixels are black; fewer are shadows or water in a JPEG.",
            "A composite is preferred when it is complete, at whatever distance in time.",
        ),
    )
    lr_px: ClassVar[int] = 32
    white: ClassVar[float] = TCI_WHITE * PER_REFLECTANCE
    hr_white: ClassVar[float] = 255.0

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        table = read_pairs(folder / PAIRS_FILE)
        table = table[(table.split == split) & (table.status == OK)]
        names = table.category + "_" + table.location_id.astype(str) + "_" + table.image_id.astype(str)
        self._pairs: dict[str, Any] = dict(sorted(zip(names, table.itertuples(index=False), strict=True)))
        if not self._pairs:
            raise FileNotFoundError(
                f"{folder / PAIRS_FILE} has no pair of {split}, expected some: see its status column"
            )

    @cached_property
    def tiles(self) -> Sequence[str]:
        """All RGB images that have Sentinel images, as `{category}_{location}_{image}`, sorted by name."""
        return list(self._pairs)

    def region(self, tile: str) -> str:
        """Return the location: other RGB images show the same ground."""
        return self._regions.get(tile, tile.rsplit("_", 1)[0])

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one place, frames in the order of time; see `Reader.sample`."""
        numbers = [BANDS.index(band) + 1 for band in bands]
        paths, pair = self._paths(tile), self._pairs[tile]
        rasters = {path: read_tiff(path, numbers, len(BANDS)) for path in paths}
        nearest = rasters[paths[0]]
        boxes = [_box_in(raster, nearest, path) for path, raster in rasters.items()]
        hr_box = _projected(pair.polygon, nearest.crs)
        size, ground, unusable = self._ground(nearest, [hr_box, *boxes])
        order = np.argsort(pair.dt_days, kind="stable")
        frames = [_filled(rasters[paths[i]].image, rasters[paths[i]].box, ground, size) for i in order]
        valid = np.stack([valid for _, valid in frames])
        hr_size = size[0] * self.facts.scale, size[1] * self.facts.scale
        hr, hr_valid = _filled(self._hr(tile), hr_box, ground, hr_size)
        dt_days, day = np.array(pair.dt_days)[order], pair.timestamp.timestamp() / DAY_S
        return Sample(
            series=np.stack([image for image, _ in frames]),
            valid=valid,
            good=np.asarray(valid.all(axis=(1, 2))),
            days=np.floor(day + dt_days),
            hr=hr,
            hr_valid=hr_valid,
            day=math.floor(day),
            white=self.white,
            hr_white=self.hr_white,
            unusable=unusable or ("black HR pixels" if (~hr_valid).mean() >= BLACK_SHARE else ""),
        )

    def position(self, tile: str) -> tuple[float, float]:
        """Return the corner of what is cut from the middle of the HR image's footprint."""
        left, top, right, bottom = _projected(self._pairs[tile].polygon, "EPSG:3857")
        y_m = (top + bottom) / 2
        half = self.lr_px * self.facts.lr_gsd_m / 2 * math.cosh(y_m / RADIUS_M)  # Mercator's metres are longer
        return max(left, (left + right) / 2 - half), min(top, y_m + half)

    def files(self, tile: str) -> list[Path]:
        """Return the Sentinel images, nearest in time first, and the RGB image."""
        return [*self._paths(tile), self._hr_path(tile)]

    def _place(self, tile: str) -> Path:
        pair = self._pairs[tile]
        return Path(SPLITS[self.split]) / pair.category / f"{pair.category}_{pair.location_id}"

    def _paths(self, tile: str) -> list[Path]:
        place = self._place(tile)
        folder = self.folder / SENTINEL_ROOT / place
        return [folder / f"{place.name}_{number}.tif" for number in self._pairs[tile].sentinel_ids]

    def _hr_path(self, tile: str) -> Path:
        return self.folder / RGB_ROOT / self._place(tile) / f"{tile}_rgb.jpg"

    def _hr(self, tile: str) -> NDArray[np.uint8]:
        image = read_png(self._hr_path(tile))
        return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)

    def _ground(self, grid: Raster, boxes: Sequence[Box]) -> tuple[tuple[int, int], Box, str]:
        """Return height and width in pixels of `grid`, the ground they cover, and why that is too little, or empty."""
        across, down = grid.pixel
        left, top = max(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = min(box[2] for box in boxes), max(box[3] for box in boxes)
        columns = _whole((left - grid.box[0]) / across, (right - grid.box[0]) / across, self.lr_px)
        rows = _whole((grid.box[1] - top) / down, (grid.box[1] - bottom) / down, self.lr_px)
        size = rows[1] - rows[0], columns[1] - columns[0]
        west, north = grid.box[0] + columns[0] * across, grid.box[1] - rows[0] * down
        ground = (west, north, west + size[1] * across, north - size[0] * down)
        return size, ground, "" if min(size) == self.lr_px else f"less than {self.lr_px} px of common ground"


def _whole(start: float, stop: float, wanted: int) -> tuple[int, int]:
    """Return the whole pixels between two edges, at least one, at most `wanted` of them, in the middle."""
    first, last = math.ceil(start - SNAP), math.floor(stop + SNAP)
    if last - first > wanted:
        first += (last - first - wanted) // 2
    return first, max(first + 1, min(last, first + wanted))


def _filled(
    image: NDArray[Any], box: Box, ground: Box, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return an image (H, W, C) that covers `box`, resampled to `ground`, and which of its pixels have values."""
    across, down = image.shape[1] / (box[2] - box[0]), image.shape[0] / (box[1] - box[3])
    x, y = [(edge - box[0]) * across for edge in ground[::2]], [(box[1] - edge) * down for edge in ground[1::2]]
    # Rounded, so that a grid that fits is copied unchanged.
    left, right = (min(max(round(edge, 3), 0), image.shape[1]) for edge in x)
    top, bottom = (min(max(round(edge, 3), 0), image.shape[0]) for edge in y)
    if left >= right or top >= bottom:
        return np.zeros((*size, image.shape[2]), np.float32), np.zeros(size, bool)
    part = (left, top, right, bottom)
    return resized(image, size, part), covered((image != 0).any(axis=-1), size, part)


def _projected(polygon: str, crs: Any) -> Box:
    """Return left, top, right, bottom in `crs` of a polygon in longitude and latitude."""
    import shapely
    from rasterio.warp import transform

    try:
        x, y = shapely.get_coordinates(shapely.from_wkt(polygon)).T
    except (shapely.errors.ShapelyError, TypeError):
        raise ValueError(f"{PAIRS_FILE}: got polygon {polygon!r}, expected WKT: {MADE_BY}") from None
    xs, ys = transform("EPSG:4326", crs, x, y)
    return min(xs), max(ys), max(xs), min(ys)


def _box_in(raster: Raster, grid: Raster, path: Path) -> Box:
    if raster.crs is None or raster.crs != grid.crs:
        raise ValueError(f"{path}: got coordinates {raster.crs}, expected {grid.crs} as of its place's other images")
    return raster.box
