"""FID and KID tables: known features give known distances, and whole regions are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from satsr.evaluation.distance_table import set_distance_table
from satsr.metrics.kernel_distance import kernel_distance
from satsr.metrics.set_distances import pooled_features
from tests.metrics.metric_images import texture
from tests.perception.made_up_weights import study_trunk

TARGETS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
REGIONS = np.repeat(["a", "b", "c", "d", "e"], 8)
SHIFT = np.array([1.0, 2.0, 0.0], np.float32)


def table(seed: int = 0) -> pd.DataFrame:
    outputs = {("same", 0): TARGETS, ("shifted", 7): TARGETS + SHIFT}
    return set_distance_table(outputs, TARGETS, REGIONS, "study vgg", 0.9, 100, seed)


def test_known_features_give_known_distances() -> None:
    found = table().set_index(["method", "metric"])
    assert found.loc[("same", "fid"), "value"] == pytest.approx(0, abs=1e-6)
    assert found.loc[("shifted", "fid"), "value"] == pytest.approx(5, abs=1e-4)  # |(1, 2, 0)|^2
    expected = kernel_distance(TARGETS + SHIFT, TARGETS)
    assert found.loc[("shifted", "kid"), "value"] == pytest.approx(expected)
    assert (found.images == 40).all()
    assert (found.regions == 5).all()
    assert set(found.network) == {"study vgg"}
    assert found.seed.tolist() == [0, 0, 7, 7]


def test_intervals_come_from_whole_regions() -> None:
    """Every draw shifts all its images alike, so that the Fréchet distance has no spread; KID's has."""
    found = table().set_index(["method", "metric"])
    fid, kid = found.loc[("shifted", "fid")], found.loc[("shifted", "kid")]
    assert [fid.low, fid.high] == pytest.approx([5, 5], abs=1e-3)
    assert kid.low < kid.value < kid.high
    one_region = set_distance_table({("m", 0): TARGETS + SHIFT}, TARGETS, np.repeat("a", 40), "n", 0.9, 100, 0)
    np.testing.assert_allclose(one_region.low, one_region.value, rtol=1e-9)
    np.testing.assert_allclose(one_region.high, one_region.value, rtol=1e-9)


def test_a_table_follows_its_seed() -> None:
    pd.testing.assert_frame_equal(table(1), table(1))
    assert not table(1).low.equals(table(2).low)


def test_features_are_means_of_the_last_tap() -> None:
    trunk, _ = study_trunk()
    images = texture(0, size=(32, 32), images=17)  # more than are worked on at a time
    expected = trunk(images)["relu3_2"].mean(dim=(2, 3))
    np.testing.assert_allclose(pooled_features(trunk, images), expected, rtol=0, atol=1e-6)
    assert torch.is_inference_mode_enabled() is False
