"""Which file, or which part of a file, is which band of a product, in every wrapping that is understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from satsr.scenes.products import eopf
from satsr.scenes.products.layer import TYPES, Layer
from satsr.scenes.products.listing import STACK, Listing, granules
from satsr.scenes.products.metadata import BAND_IDS
from satsr.scenes.products.pictures import KIND, find_picture, is_picture
from satsr.scenes.products.reading import Header, header

IMAGE = re.compile(
    r"(?:^|[/_])(?P<band>B\d{2}|B8A|TCI|SCL|(?P<theia>FRE|SRE)_B(?:\d{1,2}|8A))(?:_(?P<gsd>\d{2})m)?\.(?:jp2|tiff?)$",
    re.IGNORECASE,
)
MASK = re.compile(
    r"MSK_(?P<kind>CLASSI|CLOUDS)_(?:.*_)?B00(?:_MSIL1C)?\.(?:jp2|tiff?|gml)$|_(?P<theia>CLM)_R(?P<n>\d)\.tif$"
)
# What the bands of a stack may be called; `nir` may be B08 or B8A.
NAMED = re.compile(r"^B(?P<number>\d{1,2}|8A)(?:_\d{2}m)?$|^(?P<color>blue|green|red|SCL)$", re.IGNORECASE)
COLORS = {"blue": "b02", "green": "b03", "red": "b04", "scl": "scl"}
COUNTS = ("uint16", "int16", "float32", "float64")  # of reflectance; ESA's files are the first


@dataclass(frozen=True)
class Bands:
    """The bands of a product.

    Attributes:
        files: `b01` to `b12`, `b8a`, `tci`, `scl` -> file, the finest where there are several.
        layers: the same -> how to read it.
        masks: `CLASSI` or `CLOUDS` of level 1C, `CLM` of Theia -> file.
        picture: the file of all, where it is a picture in 8 bits.
        notes: what to tell of it.
    """

    files: dict[str, str]
    layers: dict[str, Layer]
    masks: dict[str, str]
    picture: str = ""
    notes: tuple[str, ...] = ()


def find_bands(listing: Listing) -> Bands:
    """Return the bands of a product.

    Raises:
        ValueError: none, or those of several products.
    """
    if eopf.is_eopf(listing):
        files = eopf.arrays(listing)
        return Bands(files, {band: eopf.layer(listing, name, band == "scl") for band, name in files.items()}, {})
    several = granules(listing)
    if len(several) > 1:
        how = "unzip it and give" if listing.zipped else "give"
        raise ValueError(
            f"{listing.root} holds {len(several)} tiles ({', '.join(map(_tile, several))}), expected one: {how} the "
            f"folders of those that you want, such as {listing.root.name}/GRANULE/{several[0]}"
        )
    files = _images(listing)
    stack = _stack_of(listing) if not files else ""
    if picture := _picture_of(listing, files, stack):
        return _of_picture(listing, picture, files)
    if stack:
        layers = _stack(listing, stack)
        return Bands(dict.fromkeys(layers, stack), layers, {})
    if not any(band in BAND_IDS for band in files):
        raise ValueError(
            f"{listing.root} is no Sentinel-2 product: expected files such as *_B04.jp2 in it, one GeoTIFF whose bands "
            "are named, or one picture in 8 bits"
        )
    return Bands(files, {band: _layer(listing, band, name) for band, name in files.items()}, _masks(listing))


def headers_of(bands: Bands) -> dict[str, Header]:
    """Return what every band's file says of itself, after a look at its type.

    Raises:
        ValueError: a file that cannot be read, or that holds something else.
    """
    found = {}
    for band, layer in bands.layers.items():
        own = header(layer)
        kinds, count = _expected(band, layer)
        if own.kind not in kinds or (own.count != count and layer.number is None):
            others = f" (or {', '.join(kinds[1:])})" if len(kinds) > 1 else ""
            raise ValueError(
                f"{layer.shown} holds {own.count} x {own.kind}, expected {count} x {kinds[0]}{others}: get ESA's own "
                "file"
            )
        found[band] = own
    return found


def _picture_of(listing: Listing, files: Mapping[str, str], stack: str) -> str:
    """Return the picture that stands for a product without bands: its true-colour image, or its one file."""
    if stack:
        return stack if is_picture(listing, stack) else ""
    return "" if set(files) & set(BAND_IDS) else files.get("tci", "")


def _of_picture(listing: Listing, name: str, files: Mapping[str, str]) -> Bands:
    found = find_picture(listing, name)
    layers = dict(found.layers)
    if "scl" in files:
        layers["scl"] = _layer(listing, "scl", files["scl"])
    own = {band: files.get(band, name) for band in layers}
    return Bands(own, layers, _masks(listing), picture=name, notes=found.notes)


def _expected(band: str, layer: Layer) -> tuple[tuple[str, ...], int]:
    if layer.picture:
        return (KIND,), 1
    if band in BAND_IDS:
        return COUNTS, 1
    # In a stack all bands are of one type, that of classes too.
    return (tuple(TYPES) if layer.number is not None else ("uint8",)), 3 if band == "tci" else 1


def _images(listing: Listing) -> dict[str, str]:
    """Return band -> file, of several resolutions the finest, of Theia's two kinds the one for slopes."""
    found: dict[tuple[str, int, bool], str] = {}
    for name in listing.names:
        match = IMAGE.search(name)
        if match is None or "QI_DATA/" in name:  # the quality masks are named after bands too
            continue
        key = _band(match["band"]), int(match["gsd"] or 0), (match["theia"] or "").upper() == "SRE"
        if key in found:
            raise ValueError(
                f"{listing.root} holds several products ({found[key]}, {name}): give the B04 file of one, "
                "or each .SAFE folder by itself"
            )
        found[key] = name
    return {key[0]: found[key] for key in sorted(found, reverse=True)}


def _band(name: str) -> str:
    """Return `b04` for B04, B4 and FRE_B4."""
    short = name.lower().rsplit("_", 1)[-1]
    return f"b{int(short[1:]):02}" if short[1:].isdigit() else short


def _layer(listing: Listing, band: str, name: str) -> Layer:
    match = IMAGE.search(name)
    theia = match is not None and match["theia"] is not None
    return Layer(listing.opens(name), listing.label(name), mask=band == "scl", zero_is_data=theia)


def _masks(listing: Listing) -> dict[str, str]:
    """Return kind -> file, the finest of Theia's."""
    found = [(m["kind"] or m["theia"], m["n"] or "", n) for n in listing.names if (m := MASK.search(n))]
    return {kind: name for kind, _, name in sorted(found, reverse=True)}


def _stack_of(listing: Listing) -> str:
    """Return the one raster of a product without band files."""
    found = [n for n in listing.names if PurePosixPath(n).suffix.lower() in STACK]
    return found[0] if len(found) == 1 else ""


def _stack(listing: Listing, name: str) -> dict[str, Layer]:
    """Return the bands of one file by their names in it.

    Raises:
        ValueError: no band is named, or two have the same name.
    """
    path, shown = listing.opens(name), listing.label(name)
    names = header(Layer(path, shown)).names
    found: dict[str, Layer] = {}
    for number, called in enumerate(names, start=1):
        band = _named(called)
        if band in found:
            raise ValueError(
                f"{shown} has two bands that are called {called}, expected the bands of one date: write each date into "
                "one file"
            )
        if band:
            found[band] = Layer(path, shown, number, mask=band == "scl")
    if not set(found) & set(BAND_IDS):
        raise ValueError(
            f"{shown} calls its {len(names)} bands {_in_words(names)}, expected names such as B02, B03 and B04: "
            "describe them (set_band_description of rasterio, or gdal_edit.py), or write each band into one file, such "
            f"as {PurePosixPath(name).stem}_B04.tif"
        )
    return found


def _named(called: str) -> str | None:
    match = NAMED.match(called.strip())
    if match is None:
        return None
    band = COLORS[match["color"].lower()] if match["color"] else _band(f"b{match['number']}")
    return band if band in (*BAND_IDS, "scl") else None


def _in_words(names: Iterable[str]) -> str:
    return ", ".join(n for n in names if n) or "nothing"


def _tile(granule: str) -> str:
    match = re.search(r"_T(?P<tile>\d{2}[A-Z]{3})(?:_|$)", granule)
    return match["tile"] if match else granule
