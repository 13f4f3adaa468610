"""What a product says of itself: its MTD_MSIL1C.xml or MTD_MSIL2A.xml first, its name where that is silent."""

from __future__ import annotations

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
MOST_QUANTIFICATION, MOST_OFFSET = 1e6, 1e5  # ESA has 10,000 and 1,000; what is far beyond is damage

MTD = re.compile(r"^(?:MTD_MSIL(?:1C|2A)|S2._(?:OPER|USER)_MTD_SAFL(?:1C|2A).*)\.xml$")
PRODUCT = re.compile(r"S2._MSIL(?P<level>1C|2A)_(?P<day>\d{8})T\d{6}_N(?P<major>\d\d)(?P<minor>\d\d)_")
# Until 2016 the first time in a name was that of processing, and that of sensing had a V before it.
OLD_PRODUCT = re.compile(r"S2._(?:OPER|USER)_(?:PRD_MSI|MTD_SAF)L(?P<level>1C|2A)_.*?_V(?P<taken>\d{8}T\d{4})\d\d")
OLD_FILE = re.compile(r"^S2._(?:OPER|USER)_")
OLD_GRANULE = re.compile(r"(?:^|/)S2._(?:OPER|USER)_MSI_L(?:1C|2A)_[^/]*_N(?P<baseline>\d\d\.\d\d)(?:/|$)")
THEIA = re.compile(r"(?:^|/)SENTINEL2._(?P<day>\d{8})-(?P<minute>\d{4})\d\d-\d{3}_L2A_T(?P<tile>\d{2}[A-Z]{3})_")
LEVEL = re.compile(r"MSI_?L(?P<level>1C|2A)")
TILE = re.compile(r"_?T(?P<tile>\d{2}[A-Z]{3})_")
TAKEN = re.compile(r"(?:^|_)(?P<minute>\d{8}T\d{4})\d\d(?=[_.])")
DAY = re.compile(r"(?:^|_)(?P<day>\d{8})(?:T\d{6})?(?=[_.])")
DASHED_DAY = re.compile(r"(?<!\d)(?P<day>\d{4}-\d{2}-\d{2})(?!\d)")


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
        offsets_from: what says so, in words.
    """

    level: str | None
    baseline: str | None
    day: date | None
    taken: str | None
    tile: str | None
    quantification: float | None
    offsets: dict[str, float]
    offsets_from: str = "the list of offsets in its XML"


def check_counts(quantification: float, offsets: Iterable[float]) -> None:
    """Raise a ValueError where counts cannot mean what is said of them: not finite, not above 0, or far too large."""
    if not 0 < quantification <= MOST_QUANTIFICATION:
        raise ValueError(f"a quantification or an offset that cannot be: got a quantification of {quantification:g}")
    for offset in offsets:
        if not abs(offset) <= MOST_OFFSET:  # not finite, too
            raise ValueError(f"a quantification or an offset that cannot be: got an offset of {offset:g}")


def read_metadata(listing: Listing, files: Iterable[str]) -> Metadata:
    """Return what the XML and the names say.

    Args:
        listing: the product.
        files: its images, whose names carry tile and day.

    Raises:
        ValueError: the XML cannot be read.
    """
    names = (listing.root.name, *listing.names)
    if theia := next((m for n in names if (m := THEIA.search(n))), None):
        return _of_theia(theia)
    values, offsets = _xml(listing)
    old = next((m for n in names if (m := OLD_PRODUCT.search(n))), None)
    name = next((m for n in names if (m := PRODUCT.search(n))), None)
    said = name or old or LEVEL.search(listing.root.name)
    level = re.search("1C|2A", values.get("PROCESSING_LEVEL") or (said and said["level"]) or "")
    baseline = values.get("PROCESSING_BASELINE") or (name and f"{name['major']}.{name['minor']}") or _of_granule(names)
    stems = [PurePosixPath(n).name for n in files]
    times = [n for n in (name[0] if name else "", *stems, f"{listing.root.name}.") if not OLD_FILE.match(n)]
    start = values.get("PRODUCT_START_TIME", "").replace("-", "").replace(":", "")[:13]
    told = _day(start) or (name and _day(name["day"])) or (old and _day(old["taken"]))
    minute = next((m["minute"] for s in times if (m := TAKEN.search(s))), None)
    quantification = next((float(values[t]) for t in QUANTIFICATION_TAGS if t in values), None)
    return Metadata(
        level=f"L{level[0]}" if level else None,
        baseline=baseline or None,
        day=told or _first_day(times),
        taken=(old["taken"] if old else minute)
        or (start if _day(start) and len(start) == len("YYYYMMDDTHHMM") else None),
        tile=next((m["tile"] for s in (*stems, listing.root.name) if (m := TILE.search(s))), None),
        quantification=quantification,
        offsets=offsets,
    )


def _of_theia(name: re.Match[str]) -> Metadata:
    """Return what a name of Theia says: reflectance at the ground x 10,000, without the offset of ESA's baselines."""
    return Metadata(
        level="L2A",
        baseline=None,
        day=_day(name["day"]),
        taken=f"{name['day']}T{name['minute']}",
        tile=name["tile"],
        quantification=QUANTIFICATION,
        offsets=dict.fromkeys(BAND_IDS, 0.0),
        offsets_from="its name of Theia's",
    )


def _of_granule(names: Iterable[str]) -> str | None:
    return next((m["baseline"] for n in names if (m := OLD_GRANULE.search(n))), None)


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
        for tag in QUANTIFICATION_TAGS:
            check_counts(float(values.get(tag, QUANTIFICATION)), offsets.values())
    except (ElementTree.ParseError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{listing.label(found[0])} cannot be read ({error}): download it again") from None
    return values, offsets


def _first_day(stems: Iterable[str]) -> date | None:
    found = (m for s in stems if (m := DAY.search(s) or DASHED_DAY.search(s)))
    return next((day for m in found if (day := _day(m["day"].replace("-", "")))), None)


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
