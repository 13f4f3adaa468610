"""Products in EOPF Zarr, the agency's format after SAFE: a Zarr store, as a folder or in a zip, read by GDAL.

Bands are arrays `measurements/reflectance/r10m/b04`, and so on. Their scale, offset and value without data are in
attributes of the array, where GDAL finds them, or one level deeper under `_eopf_attrs`, where it does not; the CRS is
among the attributes of the store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from affine import Affine
from rasterio.crs import CRS

from satsr.common.reading_text import parse_json
from satsr.scenes.products.layer import Layer
from satsr.scenes.products.listing import Listing

BAND = re.compile(r"(?:^|/)measurements/reflectance/r(?P<gsd>\d{2})m/(?P<band>b\d{2}|b8a)/\.zarray$")
CLASSES = re.compile(r"(?:^|/)conditions/mask/l2a_classification/r(?P<gsd>\d{2})m/(?P<band>scl)/\.zarray$")
STORE = re.compile(r"\.zarr(?:/|$)|\.zarray$|(?:^|/)zarr\.json$")
REMEDY = "download this EOPF Zarr product again, or take its .SAFE"


def is_eopf(listing: Listing) -> bool:
    """Return whether a product is a Zarr store."""
    return bool(STORE.search(listing.root.name)) or any(STORE.search(name) for name in listing.names)


def arrays(listing: Listing) -> dict[str, str]:
    """Return band or `scl` -> array, of several resolutions the finest.

    Raises:
        ValueError: a store without bands.
    """
    found = [(int(m["gsd"]), m["band"], n) for n in listing.names if (m := BAND.search(n) or CLASSES.search(n))]
    finest = {band: str(PurePosixPath(name).parent) for _, band, name in sorted(found, reverse=True)}
    if not set(finest) - {"scl"}:
        raise ValueError(
            f"{listing.root} is Zarr, but no EOPF product of Sentinel-2: expected arrays of Zarr version 2 such as "
            "measurements/reflectance/r10m/b04 in it; get it whole, take the .SAFE, or write its bands as GeoTIFF"
        )
    return finest


def layer(listing: Listing, name: str, mask: bool) -> Layer:
    """Return an array as GDAL reads it, with what its attributes say.

    Raises:
        ValueError: attributes that cannot be read.
    """
    own = _attributes(listing, name)
    deeper = own.get("_eopf_attrs")
    more = deeper if isinstance(deeper, dict) else {}
    try:
        scale, offset = (_number(own, more, key) for key in ("scale_factor", "add_offset"))
        crs, transform = _crs(listing, name, own), _transform(own)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{listing.label(name)} has attributes that cannot be read ({error}): {REMEDY}") from None
    return Layer(
        listing.opens(name),
        listing.label(name),
        crs=crs,
        transform=transform,
        scale=None if mask else scale,
        offset=None if mask else offset,
        mask=mask,
        remedy=REMEDY,
    )


def _number(own: Mapping[str, Any], more: Mapping[str, Any], key: str) -> float | None:
    value = own.get(key, more.get(key))
    return None if value is None else float(value)


def _crs(listing: Listing, name: str, own: Mapping[str, Any]) -> CRS | None:
    store = name.split("measurements/")[0].split("conditions/")[0].rstrip("/")
    said = _attributes(listing, store)
    properties = said.get("stac_discovery", {}).get("properties", {})
    code = said.get("other_metadata", {}).get("horizontal_CRS_code")
    for place in (own, properties, said):
        code = code or place.get("proj:code") or place.get("proj:epsg")
    if code is None:
        return None
    return CRS.from_epsg(int(str(code).rsplit(":", 1)[-1]))


def _transform(own: Mapping[str, Any]) -> Affine | None:
    """Return `proj:transform`, which STAC writes by rows; GDAL takes the arrays x and y where they are there."""
    numbers = own.get("proj:transform")
    if numbers is None:
        return None
    found = Affine(*map(float, numbers[:6]))
    if not all(map(math.isfinite, found[:6])):
        raise ValueError(f"proj:transform {numbers}")
    return found


def _attributes(listing: Listing, name: str) -> dict[str, Any]:
    file = f"{name}/.zattrs".lstrip("/")
    if file not in listing.names:
        return {}
    return dict(parse_json(listing.read(file), listing.label(file), REMEDY))
