"""A region as products: where it is, what it shows, and what comes out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.scenes.products.sentinel2 import open_product
from satsr.studies.scene import looked
from satsr.studies.scene.made import LOOSE, MadeScene, make_scene, scene_of
from satsr.studies.scene.settings import SceneSettings

RGB = ("red", "green", "blue")
SETTINGS = SceneSettings(methods=("bicubic",), chips_per_side=1, dates=3, window_px=40, timed_px=(16,))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeScene:
    return make_scene(tmp_path_factory.mktemp("products"), SETTINGS)


def test_dates_are_products_that_the_door_opens(made: MadeScene) -> None:
    assert len(made.products) == len(list(made.clouds)) == 3
    days = [open_product(path, **LOOSE).day for path in made.products]
    assert days == sorted(set(days))
    assert made.ground is not None
    assert made.ground.shape == (128, 128, 3)


@pytest.fixture(scope="module")
def looks(made: MadeScene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, looked.Look]]:
    folder = tmp_path_factory.mktemp("out")
    return folder, looked.apply(made, folder, models(), SETTINGS)


def models() -> dict[str, SuperResolver]:
    found = looked.measured({"bicubic": SuperResolver(ModelCard("bicubic", {}, 3, RGB, RGB, 4)).eval()})
    assert found["bicubic"].card.on_scenes["halo_px"] == 2, "the reach of Keys's cubic convolution"
    return found


def test_the_input_shows_the_ground(made: MadeScene, looks: tuple[Path, dict[str, looked.Look]]) -> None:
    look = looks[1]["bicubic"]
    assert look.part.composite.shape == (3, 30, 30)  # 128 pixels of 2.39 m in pixels of 10 m
    assert made.ground is not None
    grey = made.ground.astype(float).mean(axis=-1)
    side = 10 / (305.748 / 128)
    means = np.array(
        [
            [grey[int(r * side) : int((r + 1) * side), int(c * side) : int((c + 1) * side)].mean() for c in range(30)]
            for r in range(30)
        ]
    )
    assert np.corrcoef(means.ravel(), look.part.composite.mean(axis=0).ravel())[0, 1] > 0.6


def test_what_is_told_of_a_scene(made: MadeScene, looks: tuple[Path, dict[str, looked.Look]]) -> None:
    folder, found = looks
    facts = looked.facts(made, folder, found, models(), SETTINGS)
    one = facts.iloc[0]
    assert 0.8 < one.seam_ratio < 1.25  # of a scene of thirty pixels
    assert one.least_elsewhere < 1.1
    assert one.most_elsewhere > 0.9
    assert one.levels < 1
    assert one.area_levels < 1
    assert "no method" in looked.sentence(facts.assign(seam_ratio=1.0, most_elsewhere=1.1, beyond=0.0, area_levels=0.1))
    assert "other places do in bicubic" in looked.sentence(facts.assign(seam_ratio=1.2, most_elsewhere=1.1))
    rows, columns, labels = looked.pictures(found, made)
    assert columns == ["input", "bicubic", "ground"]
    assert [len(row) for row in rows] == [3, 3]
    assert len(labels) == 2
    timed = looked.times(made, folder, models(), SETTINGS)
    assert list(timed.dates) == [1, 3]
    assert (timed.km2_per_s > 0).all()


def test_real_products_are_taken_as_they_are(tmp_path: Path) -> None:
    asked = SceneSettings(products=(Path("there"),), level="L1C", baseline="02.04", window=(1, 2, 30, 40))
    found = scene_of(tmp_path, asked, tmp_path / "root")
    assert found.products == (tmp_path / "root" / "there",)
    assert (found.said, found.area.window, found.ground) == (
        {"level": "L1C", "baseline": "02.04"},
        (1, 2, 30, 40),
        None,
    )
    assert list(tmp_path.iterdir()) == []
