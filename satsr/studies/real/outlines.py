"""Known buildings on one real chip, and what a counter sees of them: an illustration of one place, and no verdict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from rasterio.features import rasterize
from rasterio.transform import Affine
from torch import Tensor, nn

from satsr.common.tile_grid import HR_PX
from satsr.data.making.footprints import Labels, renumbered
from satsr.data.making.image_file import open_image_file
from satsr.data.making.own_images import OwnImage, image_chips
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import DataSettings
from satsr.models.superresolver import SuperResolver
from satsr.studies.real.chips import tensors
from satsr.training.counting.counter import count
from satsr.training.counting.kinds import KINDS
from satsr.training.counting.matches import match

IMAGE, OUTLINES = "spacenet/sample_geotiff.tif", "spacenet/geotiff_labels.geojson"
GSD_M = 2.5
DATES = 8
KIND = "buildings"


@dataclass(frozen=True)
class Known:
    """One chip with its known buildings.

    Attributes:
        chip: HR brought down to 2.5 m, and a simulated Sentinel-2 series.
        labels: the buildings that are known, (128, 128).
    """

    chip: Chip
    labels: Labels


def known_buildings(root: Path) -> Known | None:
    """Read the chip with known buildings below a folder; None where it is not there.

    Raises:
        ValueError: the image and the outlines do not lie in one place.
    """
    image, outlines = root / IMAGE, root / OUTLINES
    if not image.is_file() or not outlines.is_file():
        return None
    settings = DataSettings(source="folder", path=str(image.parent), hr_gsd_m=GSD_M, dates=DATES)
    chip = next(image_chips(settings, OwnImage(image.name, 0, image), Counter()))
    with open_image_file(image, GSD_M) as file:
        rows, columns = ((side - side // HR_PX * HR_PX) // 2 for side in file.shape)  # cut off before the first chip
        to_ground = file.transform * Affine.translation(columns, rows)
    shapes = [feature["geometry"] for feature in json.loads(outlines.read_text())["features"]]
    drawn = rasterize(
        [(shape, number) for number, shape in enumerate(shapes, 1)],
        (HR_PX, HR_PX),
        transform=to_ground,
        dtype="int32",
    )
    labels = renumbered(drawn)
    if not labels.max():
        raise ValueError(
            f"{outlines}: got no building in the middle of {image.name}, expected some: are they of one place?"
        )
    return Known(chip, labels)


def images_of(known: Known, models: Mapping[str, SuperResolver]) -> dict[str, Tensor]:
    """Return HR and what every model makes of the simulated series, (3, 128, 128) each in [0, 1]."""
    found = {"HR": tensors(known.chip, 1)[1][0]}
    for name, model in models.items():
        lr, _ = tensors(known.chip, model.card.dates)
        with torch.inference_mode():
            found[name] = model(lr).clamp(0, 1)[0]
    return found


def counted(counter: nn.Module, image: Tensor, known: Known) -> tuple[Labels, str]:
    """Return what a counter sees in an image, and in words how much of that is right, by the centre."""
    seen = count(counter, image[None], KINDS[KIND])[0]
    found = match(known.labels, seen, "centre")
    return seen, f"{found.counted} counted,\n{found.right} known"
