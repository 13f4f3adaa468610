"""Distances of features: DISTS between two images, Fréchet and kernel distance between two sets."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor

from satsr.metrics import kernel_distance as kernel_module
from satsr.metrics.dists import dists_distance
from satsr.metrics.frechet import frechet_distance
from satsr.metrics.kernel_distance import kernel_distance

Array = NDArray[np.float64]

EXAMPLES = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 10_000)
SHAPES = ((3, 12, 10), (5, 6, 5), (4, 3, 2))
CHANNELS = sum(shape[0] for shape in SHAPES)

each_set_distance = pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])


def random_maps(seed: int, images: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(images, *shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def random_set(seed: int, rows: int, columns: int, mean: float = 0.0) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(mean, 1, (rows, columns)) @ rng.normal(size=(columns, columns))


# DISTS


def loop_dists(x_maps: list[Tensor], y_maps: list[Tensor], alpha: Array, beta: Array) -> float:
    """Equations 3 to 5 for one image, channel after channel."""
    channels = [
        (x.numpy(), y.numpy())
        for x_map, y_map in zip(x_maps, y_maps, strict=True)
        for x, y in zip(x_map[0], y_map[0], strict=True)
    ]
    similarity = 0.0
    for (x, y), a, b in zip(channels, alpha, beta, strict=True):
        texture = (2 * x.mean() * y.mean() + 1e-6) / (x.mean() ** 2 + y.mean() ** 2 + 1e-6)
        covariance = (x * y).mean() - x.mean() * y.mean()
        similarity += a * texture + b * (2 * covariance + 1e-6) / (x.var() + y.var() + 1e-6)
    return 1 - similarity / float(alpha.sum() + beta.sum())


def test_dists_agrees_with_a_plain_loop() -> None:
    x, y = random_maps(0, images=1), random_maps(1, images=1)
    alpha, beta = np.random.default_rng(0).random((2, CHANNELS))
    ours = dists_distance(x, y, torch.from_numpy(alpha), torch.from_numpy(beta))
    assert ours.item() == pytest.approx(loop_dists(x, y, alpha, beta), rel=0, abs=1e-12)
    ones = np.ones(CHANNELS)
    assert dists_distance(x, y).item() == pytest.approx(loop_dists(x, y, ones, ones), rel=0, abs=1e-12)


@given(seed=SEEDS)
@EXAMPLES
def test_dists_is_zero_for_equal_maps_symmetric_and_bounded(seed: int) -> None:
    x, y = random_maps(seed), random_maps(seed + 1)
    distance = dists_distance(x, y)
    torch.testing.assert_close(dists_distance(x, x), torch.zeros(2).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(dists_distance(y, x), distance, rtol=1e-12, atol=0)
    assert ((distance > 0) & (distance <= 2)).all()


def test_dists_tolerates_other_texture_of_the_same_statistics() -> None:
    x = random_maps(2)
    shuffled = [m.flip(-1) for m in x]
    only_texture, only_structure = torch.ones(CHANNELS), torch.zeros(CHANNELS)
    torch.testing.assert_close(
        dists_distance(x, shuffled, only_texture, only_structure), torch.zeros(2).double(), rtol=0, atol=1e-12
    )
    assert (dists_distance(x, shuffled, only_structure, only_texture) > 0.5).all()


def test_dists_gradient_is_right() -> None:
    x, y = random_maps(3, images=1), random_maps(4, images=1)
    assert torch.autograd.gradcheck(lambda *maps: dists_distance(maps, y), [m.requires_grad_() for m in x])


def test_dists_survives_half_precision() -> None:
    x, y = random_maps(5), random_maps(6)
    half = dists_distance([m.bfloat16() for m in x], [m.bfloat16() for m in y])
    assert half.dtype == torch.float32
    torch.testing.assert_close(half.double(), dists_distance(x, y), rtol=0, atol=5e-3)


def test_dists_refuses_maps_and_weights_that_do_not_fit() -> None:
    x = random_maps(7)
    with pytest.raises(ValueError, match=r"got maps .* expected equal lists of \(N, C, H, W\)"):
        dists_distance(x, x[:2])
    with pytest.raises(ValueError, match=rf"got weights alpha \(3,\) and beta None, expected \({CHANNELS},\) each"):
        dists_distance(x, x, torch.ones(3))


# Sets


@given(seed=SEEDS, shift=st.floats(-3, 3))
@EXAMPLES
def test_frechet_distance_of_a_translated_set_is_the_squared_translation(seed: int, shift: float) -> None:
    features = random_set(seed, 30, 5)
    assert 0 <= frechet_distance(features, features) < 1e-9
    assert frechet_distance(features, features + shift) == pytest.approx(5 * shift**2, abs=1e-9)


@given(seed=SEEDS)
@EXAMPLES
def test_frechet_distance_of_numbers_has_a_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, (20, 1)), rng.normal(1, 3, (15, 1))
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rows", [80, 13, 12, 5])
def test_frechet_distance_agrees_with_the_root_of_the_product(rows: int) -> None:
    a, b = random_set(1, rows, 12), random_set(2, 40, 12, mean=0.3)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # A ridge makes the product regular for scipy; it moves the result by its root.
    ridge = 1e-10 * np.eye(12)
    root = np.trace(sqrtm((cov_a + ridge) @ (cov_b + ridge)).real)
    expected = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


@given(seed=SEEDS)
@EXAMPLES
def test_frechet_distance_does_not_depend_on_axes_or_order(seed: int) -> None:
    a, b = random_set(seed, 9, 6), random_set(seed + 1, 20, 6)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))[0]
    distance = frechet_distance(a, b)
    assert frechet_distance(b[::-1], a) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(distance, rel=1e-9)


def test_frechet_distance_of_repeated_images_and_of_few() -> None:
    a = random_set(3, 6, 40)
    repeated = np.repeat(a, 10, axis=0)
    assert frechet_distance(repeated, repeated[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, np.zeros((2, 40))) == pytest.approx(
        (a.mean(axis=0) ** 2).sum() + a.var(axis=0, ddof=1).sum(), rel=1e-9
    )


def test_kernel_distance_agrees_with_a_plain_loop() -> None:
    a, b = random_set(4, 7, 3), random_set(5, 5, 3)

    def mean_kernel(x: Array, y: Array, pairs: Callable[[int, int], bool]) -> float:
        kernel = [(p @ q / 3 + 1) ** 3 for i, p in enumerate(x) for j, q in enumerate(y) if pairs(i, j)]
        return float(np.mean(kernel))

    within = mean_kernel(a, a, lambda i, j: i != j) + mean_kernel(b, b, lambda i, j: i != j)
    expected = within - 2 * mean_kernel(a, b, lambda i, j: True)
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_does_not_depend_on_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = random_set(8, 20, 4), random_set(9, 11, 4)
    whole = kernel_distance(a, b)
    monkeypatch.setattr(kernel_module, "CHUNK_ROWS", 3)
    assert kernel_distance(a, b) == pytest.approx(whole, rel=1e-9)


def test_kernel_distance_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    same = [kernel_distance(*rng.normal(size=(2, 10, 4))) for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(len(same))
    assert min(same) < 0


@each_set_distance
def test_distances_grow_with_the_distance_of_the_means(distance: Callable[[Array, Array], float]) -> None:
    a = random_set(10, 60, 6)
    near, far = (distance(a, random_set(10, 50, 6) + shift) for shift in (0.5, 2))
    assert near < far


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), r"got features_a \(1, 3\), expected at least 2 rows"),
        (np.zeros((4, 3)), np.zeros(4), r"got features_b \(4,\), expected at least 2 rows"),
        (np.zeros((4, 3)), np.zeros((4, 2)), "got 3 and 2 columns, expected equal"),
        (np.full((4, 3), np.nan), np.zeros((4, 3)), "got NaN or infinity in features_a"),
    ],
)
@each_set_distance
def test_unusable_sets_are_refused(distance: Callable[[Array, Array], float], a: Array, b: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distance(a, b)
