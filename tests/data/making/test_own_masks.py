"""Masks beside a user's own images: cut where the images are cut, and refused by name where they do not fit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from satsr.data.making.own_images import image_chips, list_images
from satsr.data.making.own_masks import OwnMasks
from satsr.data.settings import DataSettings


def painted(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def own(tmp_path: Path) -> OwnMasks:
    """Two images of which one shows two by one chips; a mask says where its image is bright in red."""
    rng = np.random.default_rng(0)
    for name, shape in {"north/a": (140, 280), "north/b": (128, 128)}.items():
        image = rng.integers(1, 256, (*shape, 3), np.uint8)
        painted(tmp_path / "images" / f"{name}.png", image)
        painted(tmp_path / "masks" / f"{name}.png", (image[..., 0] > 128).astype(np.uint8))
    return OwnMasks(tmp_path / "masks", DataSettings(source="folder", path=str(tmp_path / "images")))


def test_a_mask_is_cut_where_its_image_is(own: OwnMasks) -> None:
    tiles = 0
    for place in list_images(own.data):
        for chip in image_chips(own.data, place, Counter()):
            np.testing.assert_array_equal(own.mask(chip.tile), chip.hr[..., 0] > 128)
            tiles += 1
    assert tiles == 3


def test_a_mask_is_resampled_as_its_image_is(tmp_path: Path) -> None:
    """Two pixels of 1.25 m become one of 2.5 m: blocks of the mask stay where those of the image are."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 2, (128, 128), np.uint8)
    image, place = np.kron(200 * coarse + 10, np.ones((2, 2), np.uint8)), from_origin(0, 0, 1.25, 1.25)
    facts = {"driver": "GTiff", "height": 256, "width": 256, "dtype": "uint8", "crs": "EPSG:32633", "transform": place}
    for folder, values in {
        "images": np.stack([image] * 3),
        "masks": np.kron(coarse, np.ones((2, 2), np.uint8))[None],
    }.items():
        (tmp_path / folder).mkdir()
        with rasterio.open(tmp_path / folder / "a.tif", "w", count=len(values), **facts) as file:
            file.write(values)
    data = DataSettings(source="folder", path=str(tmp_path / "images"), hr_gsd_m=2.5)
    (chip,) = image_chips(data, list_images(data)[0], Counter())
    np.testing.assert_array_equal(chip.hr[..., 0] > 100, coarse)
    np.testing.assert_array_equal(OwnMasks(tmp_path / "masks", data).mask(chip.tile), coarse)


def test_masks_of_tiles_have_their_names(tmp_path: Path) -> None:
    painted(tmp_path / "5_7.png", np.full((128, 128), 3, np.uint8))
    assert (OwnMasks(tmp_path, DataSettings()).mask("5_7") == 3).all()


def test_masks_that_change_have_another_digest(own: OwnMasks) -> None:
    before = own.digest
    painted(own.folder / "north" / "b.png", np.zeros((128, 128), np.uint8))
    assert OwnMasks(own.folder, own.data).digest != before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda masks: (masks / "north/a.png").unlink(), "holds no mask north/a: expected one for every image"),
        (
            lambda masks: painted(masks / "north/a.png", np.zeros((140, 200), np.uint8)),
            r"a.png: got a mask of \(140, 200\) px, expected the size of its image, \(140, 280\)",
        ),
        (lambda masks: painted(masks / "north/a.png", np.zeros((140, 280, 3), np.uint8)), "got mode RGB, expected one"),
        (
            lambda masks: painted(masks / "north/a.tif", np.zeros((140, 280), np.uint8)),
            "got a second mask beside a.png",
        ),
        (lambda masks: masks.rename(masks.with_name("gone")), "is no folder: name the folder that holds your masks"),
    ],
)
def test_masks_that_do_not_fit_are_refused(own: OwnMasks, change: object, said: str) -> None:
    change(own.folder)  # type: ignore[operator]
    tiles = [chip.tile for place in list_images(own.data) for chip in image_chips(own.data, place, Counter())]
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        [own.mask(tile) for tile in tiles]
