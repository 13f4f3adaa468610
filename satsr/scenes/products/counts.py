"""What the counts of a product mean: `reflectance = (counts + offset) / quantification`, by one order of evidence.

First comes what the user says, then what the product says of itself (the list of offsets in its XML, the STAC item
beside it, scale and offset in its files), then its name. Catalogues take the offset away and keep a baseline of 04.00
or later in the name, so the name is believed last. What contradicts itself is refused, with both pieces of evidence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from satsr.scenes.products.listing import Listing
from satsr.scenes.products.metadata import BAND_IDS, QUANTIFICATION, Metadata
from satsr.scenes.products.radiometry import HOME_MADE, baseline_offset
from satsr.scenes.products.reading import Header

APPLIED = "earthsearch:boa_offset_applied"  # of a STAC item: the offset has been taken away
SAME = 0.5  # counts by which two pieces of evidence may differ
REMEDY = "give its baseline (baseline='02.04', or --baseline 02.04), or its offset (offset=0 or -1000, or --offset)"


@dataclass(frozen=True)
class Counts:
    """What counts mean.

    Attributes:
        quantification: counts per unit of reflectance.
        offsets: band -> what is added to its counts.
    """

    quantification: float
    offsets: dict[str, float]


@dataclass(frozen=True)
class _Evidence:
    """What one piece of evidence says: in words, and band -> offset; a scale where it tells one."""

    of: str
    offsets: dict[str, float]
    quantification: float | None = None


def counts_of(
    listing: Listing, headers: Mapping[str, Header], said: Metadata, baseline: str | None, offset: float | None
) -> Counts:
    """Return what the counts of a product mean.

    Args:
        listing: the product.
        headers: band -> what its file says of itself.
        said: by its XML and name.
        baseline: as the user says.
        offset: as the user says; it has the last word.

    Raises:
        ValueError: nothing says, pieces of evidence contradict each other, or a number that cannot be.
    """
    bands = [band for band in headers if band in BAND_IDS]
    own = [*_of_xml(listing, said, bands), *_of_item(listing, bands), *_of_files(listing, headers, bands)]
    scale = said.quantification or next((e.quantification for e in own if e.quantification), None) or QUANTIFICATION
    if offset is not None:
        if not math.isfinite(offset):
            raise ValueError(f"got offset {offset}, expected a number of counts, such as 0 or -1000")
        return Counts(scale, dict.fromkeys(BAND_IDS, float(offset)))
    if baseline is not None:
        own = [_Evidence(f"baseline {baseline}, as given", dict.fromkeys(bands, _of_baseline(listing, baseline))), *own]
    for first, other in pairwise(own):
        _check_agree(listing, first, other)
    if own:
        return Counts(scale, dict.fromkeys(BAND_IDS, 0.0) | own[0].offsets)
    if any("harmonized" in part.lower() for part in listing.root.parts[-2:]):
        return Counts(scale, dict.fromkeys(BAND_IDS, 0.0))
    return Counts(scale, dict.fromkeys(BAND_IDS, _of_baseline(listing, said.baseline)))


def _of_baseline(listing: Listing, baseline: str | None) -> float:
    if baseline is None or baseline == HOME_MADE:
        why = f"is of baseline {HOME_MADE}, which a user's own processor writes, and " if baseline else ""
        raise ValueError(
            f"{listing.root} {why}does not say whether its counts have the offset of baseline 04.00 (1000): {REMEDY}"
        )
    return baseline_offset(baseline)


def _of_xml(listing: Listing, said: Metadata, bands: Iterable[str]) -> Iterable[_Evidence]:
    if not said.offsets:
        return
    missing = [band for band in bands if band not in said.offsets]
    if missing:
        raise ValueError(f"{listing.root}: its XML gives no offset for {', '.join(missing)}: download it again")
    yield _Evidence("the list of offsets in its XML", said.offsets)


def _of_item(listing: Listing, bands: Iterable[str]) -> Iterable[_Evidence]:
    """Yield what a STAC item beside the bands says."""
    for name in (n for n in listing.names if n.endswith(".json") and "/" not in n):
        item = _json(listing, name)
        if item.get("type") != "Feature" or not isinstance(item.get("properties"), dict):
            continue
        if item["properties"].get(APPLIED) is True:
            yield _Evidence(f"{name} ({APPLIED})", dict.fromkeys(bands, 0.0))
            continue
        found = [_scale(part) for asset in item.get("assets", {}).values() for part in asset.get("raster:bands", ())]
        scales = {pair for pair in found if pair is not None}
        if len(scales) == 1:
            scale, offset = scales.pop()
            yield _Evidence(
                f"{name} (scale {scale:g}, offset {offset:g})", dict.fromkeys(bands, offset / scale), 1 / scale
            )


def _scale(part: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return scale and offset of a STAC band of reflectance; None of others, such as a classification."""
    scale, offset = part.get("scale"), part.get("offset", 0)
    if not isinstance(scale, int | float) or not isinstance(offset, int | float) or not 0 < scale < 1:
        return None
    return float(scale), float(offset)


def _of_files(listing: Listing, headers: Mapping[str, Header], bands: Iterable[str]) -> Iterable[_Evidence]:
    """Yield what scale and offset in the band files say, where they say anything."""
    found = {band: (headers[band].scale, headers[band].offset) for band in bands}
    if all(pair == (1.0, 0.0) for pair in found.values()):
        return
    scales = {scale for scale, _ in found.values()}
    if len(scales) > 1 or not all(math.isfinite(n) for pair in found.values() for n in pair) or min(scales) <= 0:
        raise ValueError(f"{listing.root}: got scales {sorted(scales)} in its files, expected one above 0: {REMEDY}")
    offsets = {band: offset / scale for band, (scale, offset) in found.items()}
    yield _Evidence("scale and offset in its files", offsets, 1 / scales.pop())


def _check_agree(listing: Listing, first: _Evidence, other: _Evidence) -> None:
    for band, value in first.offsets.items():
        if band in other.offsets and abs(value - other.offsets[band]) > SAME:
            raise ValueError(
                f"{listing.root}: {first.of} gives {band} an offset of {value:g}, {other.of} one of "
                f"{other.offsets[band]:g}: say which (offset=0 or -1000, or --offset)"
            )


def _json(listing: Listing, name: str) -> dict[str, Any]:
    try:
        found = json.loads(listing.read(name))
    except ValueError as error:
        raise ValueError(f"{listing.label(name)} cannot be read ({error}): download it again") from None
    return found if isinstance(found, dict) else {}
