"""Known buildings of a real chip: they lie where the image shows them, and counts are those of known maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin
from torch import Tensor, nn

from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.real.outlines import IMAGE, OUTLINES, counted, images_of, known_buildings

LEFT, TOP, FINE_M = 700_000.0, 3_700_000.0, 0.5
HOUSES = [(100.0, 120.0), (200.0, 260.0), (5.0, 5.0)]  # metres right of and below the corner; the last lies outside
SIDE_M = 20.0
RGB = ("red", "green", "blue")


class Bright(nn.Module):
    """A counter that takes what is bright for a building."""

    def forward(self, images: Tensor) -> Tensor:
        return (40 * (images.mean(dim=1, keepdim=True) - 0.6)).repeat(1, 2, 1, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image of 450 m with bright houses, and their outlines, as those of the real chip are written."""
    (tmp_path / IMAGE).parent.mkdir()
    values = np.full((900, 900), 300, np.uint16)
    values[:60] = 900  # beyond the chip that is cut; so that the stretch of tones does not cut the houses
    shapes = []
    for x, y in HOUSES:
        rows, columns = (slice(int(at / FINE_M), int((at + SIDE_M) / FINE_M)) for at in (y, x))
        values[rows, columns] = 900
        east, south = LEFT + x, TOP - y
        ring = [(east, south), (east + SIDE_M, south), (east + SIDE_M, south - SIDE_M), (east, south - SIDE_M)]
        shapes.append({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}})
    facts = {"driver": "GTiff", "height": 900, "width": 900, "count": 1, "dtype": "uint16", "crs": "EPSG:32616"}
    with rasterio.open(tmp_path / IMAGE, "w", **facts, transform=from_origin(LEFT, TOP, FINE_M, FINE_M)) as file:
        file.write(values, 1)
    (tmp_path / OUTLINES).write_text(json.dumps({"features": shapes}))
    return tmp_path


def test_outlines_lie_where_the_image_shows_houses(folder: Path) -> None:
    known = known_buildings(folder)
    assert known is not None
    assert known.labels.max() == 2
    np.testing.assert_array_equal(known.labels > 0, known.chip.hr[..., 0] > 128)
    assert known.chip.bands["tci"].shape == (8, 32, 32, 3)


def test_what_is_counted_is_told_beside_what_is_known(folder: Path) -> None:
    known = known_buildings(folder)
    assert known is not None
    models = {"bicubic": SuperResolver(ModelCard("bicubic", {}, 8, RGB, RGB, 4)).eval()}
    images = images_of(known, models)
    assert {name: image.shape for name, image in images.items()} == dict.fromkeys(("HR", "bicubic"), (3, 128, 128))
    labels, said = counted(Bright().eval(), images["HR"], known)
    assert said == "2 counted,\n2 known"
    np.testing.assert_array_equal(labels > 0, known.labels > 0)
    assert counted(Bright().eval(), torch.zeros(3, 128, 128), known)[1] == "0 counted,\n0 known"


def test_outlines_of_another_place_are_refused_and_none_are_passed_over(folder: Path, tmp_path: Path) -> None:
    moved = json.loads((folder / OUTLINES).read_text())
    for feature in moved["features"]:
        feature["geometry"]["coordinates"] = [[(x + 1e4, y) for x, y in feature["geometry"]["coordinates"][0]]]
    (folder / OUTLINES).write_text(json.dumps(moved))
    with pytest.raises(ValueError, match="got no building in the middle of"):
        known_buildings(folder)
    assert known_buildings(tmp_path / "nothing") is None
