"""A Sentinel-2 product of one date: which file is which band, and what its counts mean.

Understood are `.SAFE` folders and their zips, of level 1C (`IMG_DATA/*_B04.jp2`) and level 2A
(`IMG_DATA/R10m/*_B04_10m.jp2`), EOPF Zarr stores and their zips, Theia's level 2A (`*_FRE_B4.tif`), loose bands whose
names end in `B04.jp2`, `B04_10m.tif` and so on, and a GeoTIFF of all bands that are named in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from rasterio.crs import CRS

from satsr.scenes.products.bands import Bands, find_bands, headers_of
from satsr.scenes.products.counts import counts_of
from satsr.scenes.products.grid import Bounds, Grid
from satsr.scenes.products.layer import Layer
from satsr.scenes.products.listing import Listing, list_product
from satsr.scenes.products.metadata import BAND_IDS, read_metadata
from satsr.scenes.products.reading import Header

T = TypeVar("T")

SATELLITE = re.compile(r"(?:^|[/_])S(?:ENTINEL)?2(?P<letter>[A-D])_", re.IGNORECASE)
LEVELS = ("L1C", "L2A")
DAY_REMEDY = "give its day (day=date(2022, 6, 11), or --day 2022-06-11)"


@dataclass(frozen=True)
class Product:
    """One date of one tile.

    Attributes:
        path: as it was given.
        level: `L1C` (reflectance above the atmosphere) or `L2A` (at the ground).
        baseline: of the processing, such as `05.00`; None where nothing says.
        day: when the image was taken.
        taken: the minute of it, which all pieces of a pass share; empty where nothing says.
        tile: of the military grid, such as `33UUU`; empty where nothing says.
        grid: of its finest band.
        quantification: counts per unit of reflectance.
        listing: its files.
        files: `b01` to `b12`, `b8a`, `tci`, `scl` -> file, the finest where there are several.
        layers: the same -> how it is read.
        masks: `CLASSI` or `CLOUDS` of level 1C, `CLM` of Theia -> file of a cloud mask.
        offsets: band -> what is added to its counts.
        lossy: bands and `scl` whose compression changed their numbers.
    """

    path: Path
    level: str
    baseline: str | None
    day: date
    taken: str
    tile: str
    grid: Grid
    quantification: float
    listing: Listing = field(repr=False)
    files: dict[str, str] = field(repr=False)
    layers: dict[str, Layer] = field(repr=False)
    masks: dict[str, str] = field(repr=False)
    offsets: dict[str, float] = field(repr=False)
    lossy: tuple[str, ...] = field(repr=False)

    @property
    def satellite(self) -> str:
        """Letter of the satellite, such as `A`; empty where no name says."""
        names = (self.path.name, self.listing.root.name, *self.listing.names)
        return next((m["letter"].upper() for name in names if (m := SATELLITE.search(name))), "")

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands with reflectance."""
        return tuple(b for b in BAND_IDS if b in self.files)

    @property
    def crs(self) -> CRS:
        """Of the product."""
        return self.grid.crs

    @property
    def footprint(self) -> Bounds:
        """Outer edges in the product's CRS; parts of it may be without data."""
        return self.grid.bounds

    def layer(self, band: str) -> Layer:
        """Return how a band is read; a zip's is compared with its checksum first.

        Raises:
            ValueError: the product has no such band, or a damaged copy.
        """
        self.check_has(band)
        self.listing.check(self.files[band])
        return self.layers[band]

    def mask(self, kind: str) -> Layer:
        """Return how a cloud mask is read, likewise."""
        name = self.masks[kind]
        self.listing.check(name)
        return Layer(self.listing.opens(name), self.listing.label(name), mask=True)

    def check_has(self, band: str) -> None:
        """Raise a ValueError where the product has no such band."""
        if band not in self.files:
            raise ValueError(
                f"{self.path} has no {band} (it has {', '.join(sorted(self.files))}): get that file, or ask for others"
            )


def open_product(
    path: str | Path,
    *,
    level: str | None = None,
    baseline: str | None = None,
    offset: float | None = None,
    day: date | None = None,
) -> Product:
    """Find the bands of a product and read what it says of itself. Of numbers with a point a sample is read.

    Args:
        path: a `.SAFE` or EOPF `.zarr` folder, its zip, one granule's folder in a `.SAFE` of before 2017, a folder of
            loose bands of one date, one loose band for all with its stem, or a GeoTIFF of all bands.
        level: `L1C` or `L2A`, of loose bands that do not show it.
        baseline: of the processing, such as `02.04`; it goes before what the product says, and must not contradict it.
        offset: what to add to the counts of every band, instead of what the product says; 0 for files from a service
            that has already taken the offset away.
        day: when the image was taken, of loose bands without a date in their names.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not one product, a file that cannot be read, bands that do not lie on each other, or something
            that neither the product nor an argument says.
    """
    path = Path(path)
    if level not in (None, *LEVELS):
        raise ValueError(f"got level {level!r}, expected one of {', '.join(LEVELS)}")
    listing = list_product(path)
    bands = find_bands(listing)
    said = read_metadata(listing, bands.files.values())
    headers = headers_of(bands)
    grid = _finest(bands, headers)
    found = _level(path, said.level or level, bands.files)
    taken = _required(day or said.day, path, "when it was taken", DAY_REMEDY)
    counts = counts_of(listing, headers, said, baseline, offset)
    return Product(
        path=path,
        level=found,
        baseline=baseline or said.baseline,
        day=taken,
        taken=said.taken or "",
        tile=said.tile or "",
        grid=grid,
        quantification=counts.quantification,
        listing=listing,
        files=bands.files,
        layers=bands.layers,
        masks=bands.masks,
        offsets=counts.offsets,
        lossy=tuple(band for band, own in headers.items() if own.lossy),
    )


def _level(path: Path, said: str | None, files: Iterable[str]) -> str:
    """Return the level; only level 1C has B10, and only level 2A has a scene classification."""
    shown = "L2A" if "scl" in files else "L1C" if "b10" in files else None
    return _required(said or shown, path, "its level", 'give its level (level="L1C" or "L2A", or --level)')


def _required(value: T | None, path: Path, what: str, remedy: str) -> T:
    if value is None:
        raise ValueError(f"{path} does not say {what}: {remedy}")
    return value


def _finest(bands: Bands, headers: dict[str, Header]) -> Grid:
    """Return the finest band's grid, after a check that all lie on the same ground, in the same CRS."""
    files = bands.files
    finest = min((b for b in headers if b in BAND_IDS), key=lambda b: (headers[b].grid.transform.a, files[b]))
    for band, own in headers.items():
        _check_same_ground((files[finest], headers[finest].grid), (bands.layers[band].shown, own.grid))
    return headers[finest].grid


def _check_same_ground(first: tuple[str, Grid], other: tuple[str, Grid]) -> None:
    (name, grid), (other_name, found) = first, other
    if found.crs != grid.crs:
        raise ValueError(
            f"{other_name} is in {found.crs.to_string()}, but {name} in {grid.crs.to_string()}: "
            "keep only files of one product"
        )
    pixel = found.transform.a
    if max(abs(a - b) for a, b in zip(found.bounds, grid.bounds, strict=True)) > pixel / 2:
        raise ValueError(
            f"{other_name} ({found.height} x {found.width} px of {pixel:g} m) covers other ground "
            f"than {name} ({grid.height} x {grid.width} px of {grid.transform.a:g} m): keep only files of one product"
        )
