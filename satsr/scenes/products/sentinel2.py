"""A Sentinel-2 product of one date: which file is which band, and what its counts mean.

Understood are `.SAFE` folders and their zips, of level 1C (`IMG_DATA/*_B04.jp2`) and level 2A
(`IMG_DATA/R10m/*_B04_10m.jp2`), and loose bands whose names end in `B04.jp2`, `B04_10m.tif` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from rasterio.crs import CRS

from satsr.scenes.products.counts import counts_of
from satsr.scenes.products.grid import Bounds, Grid
from satsr.scenes.products.listing import Listing, list_product
from satsr.scenes.products.metadata import BAND_IDS, read_metadata
from satsr.scenes.products.reading import Header, header

T = TypeVar("T")

LEVELS = ("L1C", "L2A")
DAY_REMEDY = "give its day (day=date(2022, 6, 11), or --day 2022-06-11)"
TYPES = {"tci": ("uint8", 3), "scl": ("uint8", 1), **dict.fromkeys(BAND_IDS, ("uint16", 1))}
IMAGE = re.compile(r"(?:^|[/_])(?P<band>B\d{2}|B8A|TCI|SCL)(?:_(?P<gsd>\d{2})m)?\.(?:jp2|tiff?)$", re.IGNORECASE)
MASK = re.compile(r"MSK_(?P<kind>CLASSI|CLOUDS)_(?:.*_)?B00(?:_MSIL1C)?\.(?:jp2|tiff?|gml)$")


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
        masks: `CLASSI` or `CLOUDS` -> file of level 1C's cloud mask.
        offsets: band -> what is added to its counts.
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
    masks: dict[str, str] = field(repr=False)
    offsets: dict[str, float] = field(repr=False)

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

    def file(self, band: str) -> tuple[str, str]:
        """Return what rasterio opens for a band, and how messages name it.

        Raises:
            ValueError: the product has no such band.
        """
        if band not in self.files:
            raise ValueError(
                f"{self.path} has no {band} (it has {', '.join(sorted(self.files))}): get that file, or ask for others"
            )
        return self.listing.opens(self.files[band]), self.listing.label(self.files[band])


def open_product(
    path: str | Path,
    *,
    level: str | None = None,
    baseline: str | None = None,
    offset: float | None = None,
    day: date | None = None,
) -> Product:
    """Find the bands of a product and read what it says of itself. No pixel is read.

    Args:
        path: a `.SAFE` folder, its zip, a folder of loose bands of one date, or one loose band for all with its stem.
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
    files, masks = _images(listing), _masks(listing)
    said = read_metadata(listing, files.values())
    headers = _headers(listing, files)
    grid = _finest(listing, files, headers)
    found = _level(path, said.level or level, files)
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
        files=files,
        masks=masks,
        offsets=counts.offsets,
    )


def _images(listing: Listing) -> dict[str, str]:
    """Return band -> file, of several resolutions the finest."""
    found: dict[tuple[str, int], str] = {}
    for name in listing.names:
        match = IMAGE.search(name)
        if match is None or "QI_DATA/" in name:  # the quality masks are named after bands too
            continue
        key = match["band"].lower(), int(match["gsd"] or 0)
        if key in found:
            raise ValueError(
                f"{listing.root} holds several products ({found[key]}, {name}): give the B04 file of one, "
                "or each .SAFE folder by itself"
            )
        found[key] = name
    if not any(band in BAND_IDS for band, _ in found):
        raise ValueError(f"{listing.root} is no Sentinel-2 product: expected files such as *_B04.jp2 in it")
    return {band: found[band, gsd] for band, gsd in sorted(found, reverse=True)}


def _masks(listing: Listing) -> dict[str, str]:
    return {m["kind"]: n for n in listing.names if (m := MASK.search(n))}


def _level(path: Path, said: str | None, files: Iterable[str]) -> str:
    """Return the level; only level 1C has B10, and only level 2A has a scene classification."""
    shown = "L2A" if "scl" in files else "L1C" if "b10" in files else None
    return _required(said or shown, path, "its level", 'give its level (level="L1C" or "L2A", or --level)')


def _required(value: T | None, path: Path, what: str, remedy: str) -> T:
    if value is None:
        raise ValueError(f"{path} does not say {what}: {remedy}")
    return value


def _headers(listing: Listing, files: dict[str, str]) -> dict[str, Header]:
    """Return what every file says of itself, after a look at its type."""
    found = {}
    for band, name in files.items():
        shown = listing.label(name)
        own = header(listing.opens(name), shown)
        if (own.kind, own.count) != TYPES[band]:
            raise ValueError(
                f"{shown} holds {own.count} x {own.kind}, expected {TYPES[band][1]} x {TYPES[band][0]}: get ESA's own "
                "file"
            )
        found[band] = own
    return found


def _finest(listing: Listing, files: dict[str, str], headers: dict[str, Header]) -> Grid:
    """Return the finest band's grid, after a check that all lie on the same ground, in the same CRS."""
    grids = {files[band]: own.grid for band, own in headers.items()}
    finest = min((n for b, n in files.items() if b in BAND_IDS), key=lambda n: (grids[n].transform.a, n))
    for name, grid in grids.items():
        _check_same_ground(listing, (finest, grids[finest]), (name, grid))
    return grids[finest]


def _check_same_ground(listing: Listing, first: tuple[str, Grid], other: tuple[str, Grid]) -> None:
    (name, grid), (other_name, found) = first, other
    if found.crs != grid.crs:
        raise ValueError(
            f"{listing.label(other_name)} is in {found.crs.to_string()}, but {name} in {grid.crs.to_string()}: "
            "keep only files of one product"
        )
    pixel = found.transform.a
    if max(abs(a - b) for a, b in zip(found.bounds, grid.bounds, strict=True)) > pixel / 2:
        raise ValueError(
            f"{listing.label(other_name)} ({found.height} x {found.width} px of {pixel:g} m) covers other ground "
            f"than {name} ({grid.height} x {grid.width} px of {grid.transform.a:g} m): keep only files of one product"
        )
