"""What a product says of itself: its MTD_MSIL1C.xml or MTD_MSIL2A.xml first, its name where that is silent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from xml.etree import ElementTree

from satsr.scenes.products.listing import Listing

# `band_id` of the offsets in the XML counts the instrument's bands in this order.
BAND_IDS = ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b10", "b11", "b12")
QUANTIFICATION = 10_000.0  # counts per unit of reflectance in all products since 2016
# Level 1C; level 2A; level 2A before baseline 02.07.
QUANTIFICATION_TAGS = ("QUANTIFICATION_VALUE", "BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
OFFSET_TAGS = ("RADIO_ADD_OFFSET", "BOA_ADD_OFFSET")  # level 1C and 2A, since baseline 04.00

MTD = re.compile(r"^(?:MTD_MSIL(?:1C|2A)|S2._(?:OPER|USER)_MTD_SAFL(?:1C|2A).*)\.xml$")
PRODUCT = re.compile(r"S2._MSIL(?P<level>1C|2A)_(?P<day>\d{8})T\d{6}_N(?P<major>\d\d)(?P<minor>\d\d)_")
TILE = re.compile(r"_?T(?P<tile>\d{2}[A-Z]{3})_")
TAKEN = re.compile(r"(?:^|_)(?P<minute>\d{8}T\d{4})\d\d(?=[_.])")
DAY = re.compile(r"(?:^|_)(?P<day>\d{8})(?:T\d{6})?(?=[_.])")


@dataclass(frozen=True)
class Metadata:
    """Attributes are None or empty where the product does not say.

    Attributes:
        level: `L1C` or `L2A`.
        baseline: of the processing, such as `05.00`.
        day: when the image was taken.
        taken: the minute from which on the satellite took it, `YYYYMMDDTHHMM`, which all pieces of a pass share.
        tile: of the military grid, such as `33UUU`.
        quantification: counts per unit of reflectance.
        offsets: band -> what is added to counts before the division; empty before baseline 04.00.
    """

    level: str | None
    baseline: str | None
    day: date | None
    taken: str | None
    tile: str | None
    quantification: float | None
    offsets: dict[str, float]


def read_metadata(listing: Listing, files: Iterable[str]) -> Metadata:
    """Return what the XML and the names say.

    Args:
        listing: the product.
        files: its images, whose names carry tile and day.

    Raises:
        ValueError: the XML cannot be read.
    """
    values, offsets = _xml(listing)
    name = next((m for n in (listing.root.name, *listing.names) if (m := PRODUCT.search(n))), None)
    level = re.search("1C|2A", values.get("PROCESSING_LEVEL") or (name and name["level"]) or "")
    baseline = values.get("PROCESSING_BASELINE") or (name and f"{name['major']}.{name['minor']}")
    stems, names = [PurePosixPath(n).name for n in files], [name[0]] if name else []
    taken = _day(values.get("PRODUCT_START_TIME", "")[:10].replace("-", "")) or (name and _day(name["day"]))
    quantification = next((float(values[t]) for t in QUANTIFICATION_TAGS if t in values), None)
    return Metadata(
        level=f"L{level[0]}" if level else None,
        baseline=baseline or None,
        day=taken or _first_day((*stems, f"{listing.root.name}.")),
        taken=next((m["minute"] for s in (*names, *stems) if (m := TAKEN.search(s))), None),
        tile=next((m["tile"] for s in (*stems, listing.root.name) if (m := TILE.search(s))), None),
        quantification=quantification,
        offsets=offsets,
    )


def _xml(listing: Listing) -> tuple[dict[str, str], dict[str, float]]:
    """Return the text of the single-valued elements, and the offset of each band."""
    found = [n for n in listing.names if MTD.match(PurePosixPath(n).name)]
    if not found:
        return {}, {}
    text = listing.read(found[0])
    if not text.strip():  # an empty file says nothing; names do
        return {}, {}
    try:
        elements = [(e.tag.rsplit("}")[-1], e) for e in ElementTree.fromstring(text).iter()]
        offsets = {BAND_IDS[int(e.attrib["band_id"])]: float(e.text or "") for tag, e in elements if tag in OFFSET_TAGS}
        values = {tag: e.text.strip() for tag, e in reversed(elements) if e.text}
        numbers = [float(values.get(tag, QUANTIFICATION)) for tag in QUANTIFICATION_TAGS]
        if not all(math.isfinite(n) and n > 0 for n in numbers) or not all(map(math.isfinite, offsets.values())):
            raise ValueError("a quantification or an offset that cannot be")
    except (ElementTree.ParseError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{listing.label(found[0])} cannot be read ({error}): download it again") from None
    return values, offsets


def _first_day(stems: Iterable[str]) -> date | None:
    return next((day for s in stems if (m := DAY.search(s)) and (day := _day(m["day"]))), None)


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
