"""Layers of a map page: images inside the page, and what their colours mean."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.preview_rasters import SUPPORT, View

# Dark blue to yellow: evenly lighter, and told apart by those who do not see all colours.
RAMP = np.array([(0, 34, 78), (53, 69, 108), (102, 105, 112), (148, 142, 119), (200, 184, 102), (254, 232, 56)])
LEVELS = 256
MOST_SWATCHES = 12  # whole numbers that get a colour of their own in the legend
BRIGHT = 98  # percentile of an uncertainty that gets the last colour
HATCH_PX = 8
LINES, BETWEEN = (216, 27, 140, 230), (216, 27, 140, 90)  # of what is hatched

Pane = Literal["before", "after"]


@dataclass(frozen=True)
class Swatch:
    """A line of a legend: the address of a small image, what it means, and whether it is a ramp."""

    image: str
    text: str
    ramp: bool = False


@dataclass(frozen=True)
class Layer:
    """What the page shows or hides as one.

    Attributes:
        key: letters that name it inside the page.
        title: for a reader.
        pane: `before` lies left of the slider, `after` right of it.
        image: its address, which holds all of it.
        box: its edges in pixels of the output: top, left, bottom, right.
        pixel: its width in pixels of the output.
        legend: what its colours mean.
        shown: at first.
    """

    key: str
    title: str
    pane: Pane
    image: str
    box: tuple[float, float, float, float]
    pixel: float
    legend: tuple[Swatch, ...] = ()
    shown: bool = True


def address(image: NDArray[np.uint8]) -> str:
    """Return an image (h, w, 4) as an address that holds it, with every number as it is where it is not transparent."""
    from PIL import Image

    content = io.BytesIO()
    # Without loss: the artefacts of JPEG would look like detail. More effort takes minutes and saves a tenth.
    Image.fromarray(image, "RGBA").save(content, "WEBP", lossless=True, quality=20, method=0)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


def no_data_layer(shown: NDArray[np.bool_], view: View) -> Layer:
    """Return the layer that hatches the pixels of the output that show nothing."""
    legend = (Swatch(address(_hatched(np.ones(2 * [HATCH_PX], bool))), f"{1 - shown.mean():.1%} of the view"),)
    return Layer("nodata", "no data", "after", address(_hatched(~shown)), view.box(), view.factor, legend)


def extra_layer(name: str, unit: str, found: NDArray[np.float32], view: View, number: int) -> Layer:
    """Return the layer of a band that speaks about others.

    Args:
        name: of the band.
        unit: of its values.
        found: its values (h, w), NaN without data.
        view: of the output.
        number: of the layer, for its key.
    """
    known = found[np.isfinite(found)]
    counts = name == SUPPORT
    top = float(np.percentile(known, 100 if counts else BRIGHT) if len(known) else 0) or 1.0
    present = np.unique(np.rint(known))
    if counts and len(present) <= MOST_SWATCHES:
        legend = tuple(Swatch(address(_colour(np.full((1, 1), n), top)), f"{n:.0f}") for n in present)
    else:
        ramp = address(_colour(np.linspace(0, 1, LEVELS)[None], 1.0))
        legend = (Swatch(ramp, f"0 to {top:.3g}{' or more' * (not counts)} {unit}".rstrip(), ramp=True),)
    return Layer(f"extra{number}", name, "after", address(_colour(found, top)), view.box(), view.factor, legend, False)


def _hatched(hidden: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an image (h, w, 4) with hatched pixels, transparent elsewhere."""
    rows, columns = (np.arange(length) for length in hidden.shape)
    lines = (rows[:, None] + columns) % HATCH_PX < HATCH_PX // 4
    image = np.zeros((*hidden.shape, 4), np.uint8)
    image[hidden] = BETWEEN
    image[hidden & lines] = LINES
    return image


def _colour(found: NDArray[np.floating], top: float) -> NDArray[np.uint8]:
    """Return colours (h, w, 4) of values from 0 to a top, transparent where there is none."""
    there = np.isfinite(found)
    share = (np.where(there, found, 0) / top).clip(0, 1)
    at = np.linspace(0, 1, len(RAMP))
    table = np.stack([np.interp(np.linspace(0, 1, LEVELS), at, channel) for channel in RAMP.T], axis=-1)
    colours = np.rint(table).astype(np.uint8)[np.rint(share * (LEVELS - 1)).astype(np.uint8)]
    return np.concatenate([colours, np.where(there, 255, 0)[..., None].astype(np.uint8)], axis=-1)
