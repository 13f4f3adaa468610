"""Captions: what they say first can be read back, and they read as English."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsr.world.captions import PREFIX, describe, scene_of
from satsr.world.land.climates import CLIMATES, Climate
from satsr.world.scene import LAND_COVER

COVERS = st.lists(st.sampled_from(range(len(LAND_COVER))), min_size=4, max_size=16)
COUNTS = st.integers(0, 15)


def covered(*names: str) -> np.ndarray:
    return np.array([[LAND_COVER.index(name) for name in names]], np.uint8)


@pytest.mark.parametrize("climate", CLIMATES, ids=lambda climate: climate.phrase)
@given(COVERS, st.fixed_dictionaries({"house": COUNTS, "shed": COUNTS, "school": COUNTS}), COUNTS, COUNTS)
@settings(max_examples=10, deadline=None)
def test_the_scene_is_what_a_caption_says_first(
    climate: Climate, covers: list[int], kinds: dict[str, int], vehicles: int, boats: int
) -> None:
    caption = describe(np.array([covers], np.uint8), kinds, vehicles, boats, climate.phrase)
    scene = scene_of(caption)
    assert caption.startswith(f"{PREFIX}{scene} ")
    assert not {"with", "in", "climate"} & set(scene.split())


@pytest.mark.parametrize(
    ("caption", "scene"),
    [
        ("an aerial image of a suburb with 12 houses and a road in an arid climate", "a suburb"),
        ("an aerial image of open water in a humid climate", "open water"),
        ("an aerial image of sparse forest", "sparse forest"),
    ],
)
def test_scenes_that_are_known(caption: str, scene: str) -> None:
    assert scene_of(caption) == scene


@pytest.mark.parametrize(("climate", "article"), [("arid", "an"), ("oceanic", "an"), ("humid", "a")])
def test_the_article_suits_the_climate(climate: str, article: str) -> None:
    caption = describe(covered("water", "water"), {}, 0, 0, climate)
    assert caption == f"an aerial image of open water in {article} {climate} climate"
