"""Which of your own images splits must keep together: those that show one place, or neighbouring ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from satsr.common.tile_grid import HR_GSD_M, HR_PX
from satsr.data.ground import neighbours
from satsr.data.making.image_file import open_image_file
from satsr.data.making.own_images import OwnImage
from satsr.data.settings import DataSettings

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

SAID_TO_BE = 0.05  # by which a pixel's size may differ from the one it is taken for, without a word
NEIGHBOURS_M = HR_PX * HR_GSD_M  # a chip's side: whatever is closer may show one house, field or street


def with_regions(settings: DataSettings, places: Sequence[OwnImage]) -> tuple[list[OwnImage], list[str]]:
    """Give one region to images that overlap or lie closer than a chip's side, and say what files do not tell.

    Args:
        settings: of the data.
        places: its images or pairs.

    Returns:
        The images, and what a user should know of all of them.

    Raises:
        ValueError: an image cannot be read, or what is one ground leaves fewer than three regions to split.
    """
    shapes: list[BaseGeometry | None] = []
    sizes: list[tuple[float, float] | None] = []
    notes: list[str] = []
    for place in places:
        with open_image_file(place.hr, bands=settings.hr_bands) as image:
            shapes.append(image.footprint)
            sizes.append(image.pixel_m)
            notes += image.notes
    groups = neighbours(shapes, NEIGHBOURS_M)
    first = {group: place.number for place, group in reversed(list(zip(places, groups, strict=True)))}
    if len(first) < min(3, len(places)):
        said = (
            f"{len(places)} images overlap or lie within {NEIGHBOURS_M:.0f} m of each other in {len(first)} groups, "
            "expected at least 3, for train, val and test"
        )
        if settings.leakage == "fail":
            raise ValueError(
                f"{said}: give images of other places too, or say `data.leakage: report` to split them image by image, "
                "so that scores are of ground that was trained on"
            )
        return list(places), [f"{said}: split image by image", *_of_sizes(settings, sizes), *notes]
    together = [replace(place, region=first[group]) for place, group in zip(places, groups, strict=True)]
    return together, [*_of_places(len(places), len(first), shapes), *_of_sizes(settings, sizes), *notes]


def _of_places(images: int, regions: int, shapes: Sequence[object]) -> list[str]:
    unknown = sum(shape is None for shape in shapes)
    found = []
    if regions < images:
        found.append(f"{images} images are {regions} regions: those that overlap or lie close are kept in one split")
    if unknown:
        found.append(
            f"{unknown} of {images} images have no coordinates: nothing was checked of ground that they may share"
        )
    return found


def _of_sizes(settings: DataSettings, sizes: Sequence[tuple[float, float] | None]) -> list[str]:
    """Say that pixels of another size are taken for those of the study, where they are kept."""
    known = np.array([size for size in sizes if size is not None])
    if settings.hr_gsd_m or not len(known) or (np.abs(known / HR_GSD_M - 1) <= SAID_TO_BE).all():
        return []
    return [
        f"pixels of {known.min():.3g} to {known.max():.3g} m on the ground are taken for {HR_GSD_M:.3g} m: set "
        f"data.hr_gsd_m: {HR_GSD_M:.1f} to bring images to that size"
    ]
