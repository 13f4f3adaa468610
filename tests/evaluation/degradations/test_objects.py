"""Missing and misplaced objects, and the sharp but wrong rendering."""

import numpy as np
import pytest
import torch
from hypothesis import given

from satsr.evaluation.degradations.context import Context
from satsr.evaluation.degradations.faults import DEGRADATIONS, NEEDS_OBJECTS, applicable
from satsr.evaluation.degradations.objects import MAX_SIDE_PX, MIN_OBJECTS, MIN_SIDE_PX
from satsr.evaluation.degradations.sharp_error import sharp_error
from tests.evaluation.degradations.villages import (
    EXAMPLES,
    HOUSES,
    SEEDS,
    SIZE_PX,
    degrade,
    frequencies,
    mse,
    spectrum,
    village,
)
from tests.metrics.input_series import random_scene

each_of_objects = pytest.mark.parametrize("name", sorted(NEEDS_OBJECTS))


@each_of_objects
def test_objects_change_within_reach_and_nothing_else(name: str) -> None:
    image, reach_px = village(5), 8
    near = torch.zeros(SIZE_PX, SIZE_PX, dtype=torch.bool)
    for x1, y1, x2, y2 in HOUSES:
        near[max(y1 - reach_px, 0) : y2 + reach_px, max(x1 - reach_px, 0) : x2 + reach_px] = True
    changed = (degrade(name, image, 1) != image).any(dim=0)
    assert changed.any()
    assert not (changed & ~near).any()


@pytest.mark.parametrize(("share", "count"), [(0.1, 1), (1 / 3, 3), (0.5, 5), (1, 9)])
def test_a_share_of_the_objects_is_missing_as_if_it_had_never_been(share: float, count: int) -> None:
    image, ground = village(6), torch.from_numpy(0.2 + 0.4 * random_scene(6, SIZE_PX)).float()
    output = degrade("missing_objects", image, share)
    houses = [(output[:, y1:y2, x1:x2].mean() - ground[:, y1:y2, x1:x2].mean()).item() for x1, y1, x2, y2 in HOUSES]
    gone = [house < 0.15 for house in houses]
    assert sum(gone) == count
    assert all(abs(house - (0 if missing else 0.3)) < 0.1 for house, missing in zip(houses, gone, strict=True))


def test_misplaced_objects_stand_six_pixels_away() -> None:
    image = village(7)
    output = degrade("misplaced_objects", image, 1)
    for x1, y1, x2, y2 in HOUSES:
        house = image[:, y1:y2, x1:x2]
        moves = [(-6, 0), (6, 0), (0, -6), (0, 6), (-4, -4), (-4, 4), (4, -4), (4, 4)]
        found = [torch.equal(output[:, y1 + y : y2 + y, x1 + x : x2 + x], house) for y, x in moves]
        assert found.count(True) == 1


def test_applicable_says_where_objects_suffice() -> None:
    small, large = ((0, 0, side, 8) for side in (MIN_SIDE_PX - 1, MAX_SIDE_PX + 1))
    enough = HOUSES[:MIN_OBJECTS]
    _, y1, x2, y2 = enough[0]
    beside = (x2 + 1, y1, x2 + 9, y2)
    for name in DEGRADATIONS:
        assert applicable(name, enough)
        for too_few in ([*enough[1:], small, large], [*enough, beside]):
            assert applicable(name, too_few) == (name not in NEEDS_OBJECTS)
    with pytest.raises(ValueError, match=r"got degradation 'blurr', expected one of \['blur', "):
        applicable("blurr", ())


@each_of_objects
def test_unusable_objects_are_refused(name: str) -> None:
    image, function = village(8), DEGRADATIONS[name]
    with pytest.raises(ValueError, match="got 3 free-standing objects of 3 to 24 px, expected at least 4"):
        function(image, 0.5, Context(0, HOUSES[:3]))
    with pytest.raises(ValueError, match=r"got a share of objects of 1\.5, expected at most 1"):
        function(image, 1.5, Context(0, HOUSES))
    with pytest.raises(ValueError, match=r"got object \(90, 0, 100, 8\), expected .* inside 96x96 px"):
        function(image, 0.5, Context(0, (*HOUSES, (90, 0, 100, 8))))


@given(seed=SEEDS)
@EXAMPLES
def test_sharp_error_is_sharp_and_wrong(seed: int) -> None:
    image = torch.from_numpy(0.2 + 0.6 * random_scene(seed, 128, sigma_px=1)).float()
    output = sharp_error(image, Context(seed))
    assert torch.equal(output, sharp_error(image, Context(seed)))
    fine = frequencies(128) > 1 / 8
    assert 0.7 < (spectrum(output)[fine].sum() / spectrum(image)[fine].sum()).item() < 1.4
    assert output.mean().item() == pytest.approx(image.mean().item(), rel=0.05)
    coarse = [degrade("blur", i, 6).flatten() for i in (output, image)]
    assert np.corrcoef(*coarse)[0, 1] > 0.9
    # A blur that is no sharper than this fine structure is still closer in pixels.
    assert mse(output, image) > mse(degrade("blur", image, 1), image)
