"""The paper's own treatment of PROBA-V and OLI2MSI: sizes, ground, masks, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from satsr.data.reader import Reader
from satsr.data.readers import paper_time
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.paper_time import PaperTime
from satsr.data.readers.probav import ProbaV
from tests.made import make_oli2msi, make_probav


@pytest.fixture(scope="module")
def probav(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return ProbaV(make_probav.write(tmp_path_factory.mktemp("probav")), "train")


@pytest.fixture(scope="module")
def oli2msi(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return OLI2MSI(make_oli2msi.write(tmp_path_factory.mktemp("oli2msi")), "train")


def test_probav_is_enlarged_four_times_from_the_same_low_resolution(probav: Reader) -> None:
    made, tile, bands = PaperTime(probav, paper_time.PROBAV), probav.tiles[0], probav.facts.bands_in
    ours, theirs = made.sample(tile, bands), probav.sample(tile, bands)
    np.testing.assert_array_equal(ours.series, theirs.series)
    np.testing.assert_array_equal(ours.valid, theirs.valid)
    height, width = (4 * side for side in theirs.valid.shape[1:])
    plane = Image.fromarray(theirs.hr[..., 0].astype(np.float32))
    expected = plane.resize((width, height), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(ours.hr[..., 0], np.asarray(expected), rtol=1e-6)
    assert (made.facts.scale, made.facts.lr_gsd_m, made.facts.hr_gsd_m) == (4, 300, 75)
    assert made.facts.title == "PROBA-V as x4"


def test_oli2msi_shrinks_twice_and_thrice_so_that_the_scale_is_two(oli2msi: Reader) -> None:
    made, tile, bands = PaperTime(oli2msi, paper_time.OLI2MSI), oli2msi.tiles[0], oli2msi.facts.bands_in
    ours, theirs = made.sample(tile, bands), oli2msi.sample(tile, bands)
    height, width = theirs.series.shape[1:3]
    assert ours.series.shape == (1, height // 2, width // 2, 3)
    assert ours.hr.shape == (height, width, 3)
    assert (made.facts.scale, made.facts.lr_gsd_m, made.facts.hr_gsd_m) == (2, 60, 30)
    assert (ours.day, ours.white, ours.unusable) == (theirs.day, theirs.white, theirs.unusable)


def test_a_new_pixel_that_touches_a_masked_one_is_masked(probav: Reader) -> None:
    tile = next(t for t in probav.tiles if not probav.sample(t, ("nir",)).hr_valid.all())
    made = PaperTime(probav, paper_time.PROBAV)
    before, after = (reader.sample(tile, ("nir",)).hr_valid for reader in (probav, made))
    rows, columns = np.nonzero(after)
    assert after.any()
    assert not after.all()
    edges = [(np.floor(0.75 * n).astype(int), np.ceil(0.75 * (n + 1)).astype(int) - 1) for n in (rows, columns)]
    for row in edges[0]:  # a new pixel covers three quarters of an old one along a side: two of them at most
        for column in edges[1]:
            assert before[row, column].all()


def test_what_identifies_a_place_is_the_reader_s(oli2msi: Reader) -> None:
    made = PaperTime(oli2msi, paper_time.OLI2MSI)
    assert list(made.tiles) == list(oli2msi.tiles)
    for tile in made.tiles:
        for told in ("region", "corner", "position", "weight", "files"):
            assert getattr(made, told)(tile) == getattr(oli2msi, told)(tile)
    assert list(made.statuses(made.facts.bands_in)) == list(oli2msi.statuses(made.facts.bands_in))
