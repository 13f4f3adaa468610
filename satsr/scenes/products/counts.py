"""What the counts of a product mean: `reflectance = (counts + offset) / quantification`, by one order of evidence.

First comes what the user says, then what the product says of itself (the list of offsets in its XML, the STAC item
beside it, scale and offset in its files, numbers with a point), then its name. Catalogues take the offset away and keep
a baseline of 04.00 or later in the name, so the name is believed last. What contradicts itself is refused, with both
pieces of evidence.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from satsr.common.reading_text import readable
from satsr.scenes.products.listing import Listing
from satsr.scenes.products.metadata import BAND_IDS, MOST_OFFSET, QUANTIFICATION, Metadata, check_counts
from satsr.scenes.products.radiometry import HOME_MADE, baseline_offset
from satsr.scenes.products.reading import Header

APPLIED = "earthsearch:boa_offset_applied"  # of a STAC item: the offset has been taken away
MOST_REFLECTANCE = 7.0  # 65,535 counts are 6.6
BRIGHTEST_HALF = 1.5  # no scene has more over half of it, of thick clouds neither
LEAST_COUNTS = 50.0  # the darkest water has more somewhere
# What catalogues call assets with reflectance; aerosol and water vapour have scales of their own.
REFLECTANCE = {*BAND_IDS, *(f"b{n}" for n in range(1, 13)), "coastal", "blue", "green", "red", "nir", "nir08", "nir09"}
REFLECTANCE |= {"rededge", "rededge1", "rededge2", "rededge3", "cirrus", "swir16", "swir22", "swir1", "swir2"}
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
    if not _is_reflectance(listing, headers, bands):
        return _meant(listing, own, scale, said, baseline, offset)
    # Offsets are told in counts of 10,000, whatever the files hold; the numbers with a point are those divided.
    if offset is None:
        own.append(_Evidence("reflectance in numbers with a point", dict.fromkeys(bands, 0.0)))
        if len(own) == 1 and baseline is None and said.baseline not in (None, HOME_MADE):
            own.append(_Evidence(f"baseline {said.baseline} of its name", dict.fromkeys(bands, _named(said.baseline))))
    counts = _meant(listing, own, QUANTIFICATION, said, baseline, offset)
    return Counts(1.0, {band: value / QUANTIFICATION for band, value in counts.offsets.items()})


def _meant(
    listing: Listing, own: list[_Evidence], scale: float, said: Metadata, baseline: str | None, offset: float | None
) -> Counts:
    """Return what counts mean by the order of evidence; `own` is what the product says of itself."""
    if offset is not None:
        if not abs(offset) <= MOST_OFFSET:
            raise ValueError(f"got offset {offset}, expected a number of counts, such as 0 or -1000")
        return Counts(scale, dict.fromkeys(BAND_IDS, float(offset)))
    if baseline is not None:
        given = dict.fromkeys(BAND_IDS, _of_baseline(listing, baseline))
        own = [_Evidence(f"baseline {baseline}, as given", given), *own]
    for first, other in pairwise(own):
        _check_agree(listing, first, other)
    if own:
        return Counts(scale, dict.fromkeys(BAND_IDS, 0.0) | own[0].offsets)
    if any(_says_harmonized(part) for part in listing.root.parts[-2:]):
        return Counts(scale, dict.fromkeys(BAND_IDS, 0.0))
    return Counts(scale, dict.fromkeys(BAND_IDS, _of_baseline(listing, said.baseline)))


def _says_harmonized(name: str) -> bool:
    """Return whether a name says that the offset was taken away; `unharmonized` and `not_harmonized` do not."""
    words = re.split("[^a-z]+", name.lower())
    found = [n for n, word in enumerate(words) if word in ("harmonized", "harmonised")]
    return any(n == 0 or words[n - 1] not in ("not", "non", "un") for n in found)


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
    yield _Evidence(said.offsets_from, said.offsets)


def _of_item(listing: Listing, bands: Iterable[str]) -> Iterable[_Evidence]:
    """Yield what a STAC item beside the bands says."""
    for name in (n for n in listing.names if n.endswith(".json") and "/" not in n):
        item = _json(listing, name)
        if item.get("type") != "Feature" or not isinstance(item.get("properties"), dict):
            continue
        if item["properties"].get(APPLIED) is True:
            yield _Evidence(f"{name} ({APPLIED})", dict.fromkeys(bands, 0.0))
            continue
        found = [_scale(part) for key, asset in item.get("assets", {}).items() for part in _bands_of(key, asset)]
        scales = {pair for pair in found if pair is not None}
        if len(scales) == 1:
            scale, offset = scales.pop()
            _check_plausible(listing, name, 1 / scale, {"its bands": offset / scale})
            yield _Evidence(
                f"{name} (scale {scale:g}, offset {offset:g})", dict.fromkeys(bands, offset / scale), 1 / scale
            )


def _bands_of(key: str, asset: Any) -> Iterable[Mapping[str, Any]]:
    """Yield what a STAC item says of the bands of an asset with reflectance, as STAC 1.0 and 1.1 have it."""
    if not isinstance(asset, dict):
        return
    told = [part for name in ("raster:bands", "bands") for part in asset.get(name, ()) if isinstance(part, dict)]
    called = [asset.get("title", ""), *(part.get("name", "") for part in (*told, *asset.get("eo:bands", ())))]
    if key.lower() in REFLECTANCE or any(str(name).lower() in REFLECTANCE for name in called):
        yield from (told or [asset])


def _scale(part: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return scale and offset of a STAC band; None where it says none that reflectance can have."""
    scale = part.get("scale", part.get("raster:scale"))
    offset = part.get("offset", part.get("raster:offset", 0))
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
    _check_plausible(listing, "scale and offset in its files", 1 / min(scales), offsets)
    yield _Evidence("scale and offset in its files", offsets, 1 / scales.pop())


def _is_reflectance(listing: Listing, headers: Mapping[str, Header], bands: Iterable[str]) -> bool:
    """Return whether numbers with a point are reflectance (about 0 to 1); those of counts go into thousands."""
    if any((headers[band].scale, headers[band].offset) != (1.0, 0.0) for band in bands):
        return False  # the files say what their numbers are
    most = {band: headers[band].most for band in bands if headers[band].kind.startswith("float")}
    largest = max((value for value in most.values() if value is not None), default=0.0)
    if not most or largest >= LEAST_COUNTS:
        return False
    whole = sorted(band for band in bands if band not in most)
    half = max((value for band in most if (value := headers[band].half) is not None), default=0.0)
    if largest > MOST_REFLECTANCE or half > BRIGHTEST_HALF or whole:
        got = f"values up to {largest:g}, half of them above {half:g}"
        got = f"whole numbers in {', '.join(whole)} beside reflectance" if whole else got
        raise ValueError(
            f"{listing.root}: got {got}, expected reflectance from 0 to 1 or counts of {QUANTIFICATION:g} in all: "
            "write all bands in one unit (percent divided by 100), or the scale into the files"
        )
    return True


def _named(baseline: str | None) -> float:
    return baseline_offset(baseline) if baseline else 0.0


def _check_plausible(listing: Listing, of: str, quantification: float, offsets: Mapping[str, float]) -> None:
    try:
        check_counts(quantification, offsets.values())
    except ValueError as error:
        raise ValueError(f"{listing.root}: {of} gives {error}: {REMEDY}") from None


def _check_agree(listing: Listing, first: _Evidence, other: _Evidence) -> None:
    for band, value in first.offsets.items():
        if band in other.offsets and abs(value - other.offsets[band]) > SAME:
            raise ValueError(
                f"{listing.root}: {first.of} gives {band} an offset of {value:g}, {other.of} one of "
                f"{other.offsets[band]:g}: say which (offset=0 or -1000, or --offset)"
            )


def _json(listing: Listing, name: str) -> dict[str, Any]:
    with readable(listing.label(name), "JSON", "download it again"):
        found = json.loads(listing.read(name))
    return found if isinstance(found, dict) else {}
