"""A Sentinel-2 product of one date: which file is which band, and what its counts mean.

Understood are `.SAFE` folders and their zips, of level 1C (`IMG_DATA/*_B04.jp2`) and level 2A
(`IMG_DATA/R10m/*_B04_10m.jp2`), EOPF Zarr stores and their zips, Theia's level 2A (`*_FRE_B4.tif`), loose bands whose
names end in `B04.jp2`, `B04_10m.tif` and so on, a GeoTIFF of all bands that are named in it, and a picture in 8 bits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from satsr.data.rasters import open_raster
from satsr.scenes.products import pictures
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
VRT = ".vrt"
BESIDE = (".aux.xml", ".ovr")  # what programs that only look at an image write beside it
DAY_REMEDY = "give its day (day=date(2022, 6, 11), or --day 2022-06-11)"


@dataclass(frozen=True)
class Product:
    """One date of one tile.

    Attributes:
        path: as it was given.
        level: `L1C` (reflectance above the atmosphere) or `L2A` (at the ground); `unknown` of some pictures.
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
        picture: the file of all bands where it is a picture in 8 bits, see `pictures`; else empty.
        notes: what to tell of it.
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
    picture: str = field(default="", repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)

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

    def inside(self, shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the pixels (h, w) that show something, by where each of some bands does (C, h, w).

        All have to. Of a picture one is enough: another that has the number for no data may be dark ground, but for
        ESA's true-colour image, in which 0 is never ground.
        """
        any_band = bool(self.picture) and not pictures.is_tci(self.picture)
        return np.asarray(shown.any(axis=0) if any_band else shown.all(axis=0))

    def contents(self, bands: Sequence[str]) -> Iterator[bytes]:
        """Yield all files that bands and masks are read from, those of a VRT and a mask beside a picture, too."""
        read = {self.files[name] for name in (*bands, "scl") if name in self.files} | set(self.masks.values())
        for name in self.listing.names:
            if name in read or any(name.startswith(f"{folder}/") for folder in read):
                yield self.listing.read(name)
        for path in self._behind(read):
            yield path.read_bytes()

    def _behind(self, names: Iterable[str]) -> Iterator[Path]:
        """Yield the other files that GDAL takes pixels from: the sources of a VRT, a mask beside a picture."""
        asked = [Path(self.listing.opens(n)) for n in sorted(names) if n == self.picture or n.lower().endswith(VRT)]
        known = {path.resolve() for path in asked}
        while asked and not self.listing.zipped:
            with open_raster(asked.pop()) as file:
                found = [path for name in file.files if (path := Path(name)).is_file() and path.resolve() not in known]
            known |= {path.resolve() for path in found}
            asked += [path for path in found if path.name.lower().endswith(VRT)]
            yield from (path for path in found if not path.name.lower().endswith(BESIDE))

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
            loose bands of one date, one loose band for all with its stem, a GeoTIFF of all bands, or a picture in
            8 bits (GeoTIFF, JP2, VRT).
        level: `L1C` or `L2A`, of loose bands that do not show it; of a picture, that it is the TCI of this level.
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
    if bands.picture:
        pictures.check_place(listing.label(bands.picture), grid)
        pictures.check_given(listing.label(bands.picture), baseline, offset)
        found, counts = pictures.level_of(bands.picture, said.level, level), pictures.COUNTS
        notes = (pictures.in_words(found), *bands.notes)
    else:
        found = _level(path, said.level or level, bands.files)
        counts, notes = counts_of(listing, headers, said, baseline, offset), ()
    day_remedy = pictures.DAY_REMEDY if bands.picture else DAY_REMEDY
    taken = _required(day or said.day, path, "when it was taken", day_remedy)
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
        picture=bands.picture,
        notes=notes,
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
