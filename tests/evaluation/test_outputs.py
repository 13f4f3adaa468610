"""How much there is to see in outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from satsr.evaluation.outputs import contrast_table


def test_contrast_is_the_deviation_within_images_not_between_them() -> None:
    rng = np.random.default_rng(0)
    hr = rng.random((4, 3, 16, 16))
    levels = rng.random((2, 4, 3, 1, 1))  # two seeds, every image of another brightness
    outputs = {
        "constant": np.broadcast_to(levels, (2, 4, 3, 16, 16)),
        "half": np.stack([levels[n] + hr / 2 for n in range(2)]),
    }
    found = contrast_table({name: torch.from_numpy(np.array(x)) for name, x in outputs.items()}, torch.from_numpy(hr))
    assert found.images.tolist() == ["constant", "half", "HR"]
    expected = np.mean([hr[n, band].std(ddof=1) for n in range(4) for band in range(3)])
    assert found.within.tolist() == pytest.approx([0, expected / 2, expected], abs=1e-9)
    assert found["of HR's"].tolist() == pytest.approx([0, 0.5, 1], abs=1e-9)
    assert found.flat.tolist() == [1, 0, 0]


def test_an_image_is_flat_beside_its_own_target() -> None:
    hr = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    hr[0] *= 0.05
    assert contrast_table({"pale": 0.05 * hr[None, 1:].repeat(1, 2, 1, 1, 1)}, hr).flat[0] == 0.5
