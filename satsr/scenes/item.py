"""The STAC item that lies beside an image: where and when it is, what made it, and the digest of its file.

STAC 1.1 with the extensions file 2.1, processing 1.1, projection 1.2 and raster 1.1. Projection 1.2 is the one version
that knows the new `proj:code` and the old `proj:epsg`; raster 1.1 the one that pystac reads.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from satsr.common.digests import file_digest
from satsr.data.rasters import open_raster
from satsr.scenes.footprint import footprint
from satsr.scenes.record import USED, Record, utc

SHA256 = "1220"  # how a multihash says: sha2-256, of 32 bytes
ASSET = "data"
EXTENSIONS = (
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.2.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
)


def item_text(path: Path, record: Record) -> str:
    """Return the JSON of an image's STAC item.

    Args:
        path: of the finished image; the item is to lie beside it.
        record: of the image.

    Raises:
        ValueError: the image cannot be read, or no date went into it.
    """
    import pystac

    if not record.dates:
        raise ValueError("got a record without dates, expected those whose frames went into the image")
    with open_raster(path) as file:
        place, asset = place_facts(file), _asset_facts(file)
        geometry, bbox = footprint(file.transform, file.shape, file.crs)
    first, last = _moment(min(record.dates), time.min), _moment(max(record.dates), time(23, 59, 59))
    item = pystac.Item(
        id=path.stem,
        geometry=geometry,
        bbox=bbox,
        datetime=first if len(set(record.dates)) == 1 else None,
        start_datetime=first,
        end_datetime=last,
        properties={**_properties(record), **place},
        stac_extensions=list(EXTENSIONS),
    )
    for given in record.facts()["inputs"]:
        if given["use"] == USED:
            item.add_link(pystac.Link(pystac.RelType.DERIVED_FROM, given["name"], title=f"taken on {given['day']}"))
    said = {"file:checksum": SHA256 + file_digest(path), "file:size": path.stat().st_size, **asset}
    roles = said.pop("roles")
    item.add_asset(ASSET, pystac.Asset(f"./{path.name}", record.title, None, pystac.MediaType.COG, roles, said))
    return json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False), indent=1, allow_nan=False) + "\n"


def place_facts(file: Any) -> dict[str, Any]:
    """Return what an item says of an open raster's grid."""
    epsg = file.crs.to_epsg()
    known = {"proj:code": f"EPSG:{epsg}", "proj:epsg": epsg}
    other = {"proj:code": None, "proj:epsg": None, "proj:wkt2": file.crs.to_wkt(version="WKT2_2019")}
    return {
        **(other if epsg is None else known),
        "proj:shape": list(file.shape),
        "proj:transform": list(file.transform)[:6],
    }


def band_facts(file: Any) -> list[dict[str, Any]]:
    """Return what an item says of an open raster's bands, in the words of the extension raster."""
    shared = {"sampling": "area", "spatial_resolution": _pixel_m(file)}
    if file.nodata is not None:
        shared["nodata"] = file.nodata if file.nodata == file.nodata else "nan"
    each = zip(file.dtypes, file.scales, file.offsets, file.units, strict=True)
    return [
        {"data_type": dtype, "scale": scale, "offset": offset, **({"unit": unit} if unit else {}), **shared}
        for dtype, scale, offset, unit in each
    ]


def _asset_facts(file: Any) -> dict[str, Any]:
    colours = [colour.name for colour in file.colorinterp]
    shown = file.dtypes[0] == "uint8" and colours[:3] == ["red", "green", "blue"]
    bands = band_facts(file)
    same = ("data_type", "nodata", "unit")  # what STAC itself says of bands since 1.1
    core = [
        {"name": name or f"band {number}", **{key: band[key] for key in same if key in band}}
        for number, (name, band) in enumerate(zip(file.descriptions, bands, strict=True), start=1)
    ]
    return {"bands": core, "raster:bands": bands, "roles": ["data", "visual"] if shown else ["data"]}


def _pixel_m(file: Any) -> float:
    """Return a pixel's width in metres: by the unit of a grid, and on a sphere where that is a degree or stretched."""
    import math

    from rasterio.warp import transform as to_crs

    side = math.hypot(file.transform.a, file.transform.d)
    if file.crs.is_projected and file.crs.to_epsg() != 3857:
        return float(side * file.crs.linear_units_factor[1])
    middle = file.transform @ (file.width / 2, file.height / 2)
    stretch = math.cos(math.radians(to_crs(file.crs, "EPSG:4326", [middle[0]], [middle[1]])[1][0]))
    return float(side * stretch * (1.0 if file.crs.is_projected else 6_371_008.8 * math.pi / 180))


def _properties(record: Record) -> dict[str, Any]:
    facts = record.facts()
    used = sum(given.use == USED for given in record.inputs)
    return {
        "title": facts["title"],
        "description": record.synthetic,
        "created": utc(record.created),
        "processing:lineage": f"super-resolved by {facts['model']['name']} from {used} inputs; {record.synthetic}",
        "processing:software": {"satsr": f"{record.version} ({record.commit})"},
        "satsr:synthetic": True,
        "satsr:statement": record.synthetic,
        "satsr:record": facts,
    }


def _moment(day: date, at: time) -> datetime:
    """Return a day's first or last second, or the moment itself where it is known."""
    if not isinstance(day, datetime):
        return datetime.combine(day, at, UTC)
    return day if day.tzinfo else day.replace(tzinfo=UTC)
