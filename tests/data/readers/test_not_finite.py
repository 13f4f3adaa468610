"""One rule for floats that are no numbers, in every reader of floats: not valid, and never in an image."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.errors import NotGeoreferencedWarning

from satsr.data.reader import Reader
from satsr.data.readers.deimos import DeimosPatches
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.fmow_pairs import write_pairs_index
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.sen2venus import Sen2Venus
from satsr.data.readers.tiffs import finite
from satsr.data.readers.worldstrat import WorldStrat
from tests.made import make_fmow, make_oli2msi, make_sen2venus, make_worldstrat


def test_whole_numbers_and_known_floats_are_given_back_as_they_are() -> None:
    for image in (np.arange(12, dtype=np.uint16).reshape(2, 2, 3), np.ones((2, 2, 3), np.float32)):
        assert finite(image) is image


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("fill", [0, -10_000])
def test_one_band_decides_for_its_pixel(value: float, fill: float) -> None:
    image = np.ones((2, 3, 4), np.float32)
    image[1, 2, 3] = value
    found = finite(image, fill)
    assert found.dtype == np.float32
    assert (found[1, 2] == fill).all()
    assert (np.delete(found.reshape(6, 4), 5, axis=0) == 1).all()


def spoil(path: Path, value: float) -> None:
    """Store a file's numbers as floats, and one of them as no number: of the pixel in the middle, in one band."""
    if path.suffix == ".pt":
        tensor = torch.load(path).float()
        tensor[:, 0, tensor.shape[2] // 2, tensor.shape[3] // 2] = value
        torch.save(tensor, path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            image, how = file.read().astype(np.float32), {**file.profile, "dtype": "float32"}
        image[-1 if len(image) == 3 else 1, image.shape[1] // 2, image.shape[2] // 2] = value
        with rasterio.open(path, "w", **how) as file:
            file.write(image)


def fmow(folder: Path) -> Reader:
    make_fmow.write(folder)
    write_pairs_index(folder / "fmow-rgb", folder / "fmow-sentinel", folder / "pairs.csv")
    return FMoW(folder, "train")


def worldstrat(folder: Path) -> Reader:
    folder.mkdir()
    make_worldstrat.write(folder)
    return WorldStrat(folder, "train")


READERS = {
    "worldstrat": worldstrat,
    "oli2msi": lambda folder: OLI2MSI(make_oli2msi.write(folder), "train"),
    "sen2venus": lambda folder: Sen2Venus(make_sen2venus.write(folder), "train"),
    "fmow": fmow,
}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", READERS)
def test_a_pixel_that_is_no_number_is_not_valid_and_not_in_the_images(tmp_path: Path, name: str, value: float) -> None:
    reader = READERS[name](tmp_path / name)
    tile = reader.tiles[0]
    before = reader.sample(tile, reader.facts.bands_in)
    for path in (path for path in reader.files(tile) if path.suffix in (".tif", ".tiff", ".TIF", ".pt")):
        if "CLM" not in path.name and "dataMask" not in path.name:
            spoil(path, value)
    found = type(reader)(reader.folder, "train").sample(tile, reader.facts.bands_in)
    assert np.isfinite(found.series).all()
    assert np.isfinite(found.hr).all()
    assert (found.valid.sum(axis=(1, 2)) < before.valid.sum(axis=(1, 2))).any()
    assert name == "fmow" or found.hr_valid.sum() < before.hr_valid.sum()  # fMoW's HR is a JPEG
    np.testing.assert_allclose(found.hr[found.hr_valid], before.hr[found.hr_valid], rtol=1e-6)
    assert not found.unusable


def test_patches_keep_their_tone_when_a_pixel_is_no_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hr = rng.normal(0, 1, (32, 32, 4)).astype(np.float32)
    kept = {"features": rng.uniform(0.05, 0.3, (2, 8, 8, 4)), "timestamps_s2": np.array(["2020-06-18", "2020-08-09"])}
    found = []
    for value in (hr[3, 4, 1], np.nan):
        hr[3, 4, 1] = value
        np.savez(tmp_path / "one.npz", labels=hr, timetamps_deimos=np.array(["2020-08-07"]), **kept)
        found.append(DeimosPatches(tmp_path, "test").sample("one", ("b04", "b03", "b02")))
    assert found[0].hr_valid.all()
    assert np.argwhere(~found[1].hr_valid).tolist() == [[3, 4]]
    assert (found[1].hr[3, 4] == 0).all()
    shown = found[1].hr_valid
    np.testing.assert_allclose(found[1].hr[shown], found[0].hr[shown], atol=2e-3)
