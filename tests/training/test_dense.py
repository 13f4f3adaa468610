"""Trainings on labels of pixels: crops, native resolution, and what is learned."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from satsr.training.dense import crops, fit_dense, overlap_loss
from satsr.training.dense_settings import DenseSettings


def test_crops_lie_about_places_and_show_what_is_asked_for() -> None:
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    wanted = images[:, :2].round()
    settings = DenseSettings(batch=64, crop=16, near=1.0)
    seen, asked = crops(images, wanted, [(1, 10, 60)], settings, np.random.default_rng(0))
    assert (seen.shape, asked.shape) == ((64, 3, 16, 16), (64, 2, 16, 16))
    torch.testing.assert_close(seen[:, :2].round(), asked)  # both are turned alike
    near = images[1, :, :32, 32:].unfold(1, 16, 1).unfold(2, 16, 1).flatten(1, 2)  # windows of that corner
    sums = near.sum(dim=(0, 2, 3))
    assert all((sums - crop.sum()).abs().min() < 1e-3 for crop in seen)
    assert len({round(float(crop.sum()), 3) for crop in seen}) > 8
    whole, _ = crops(images, wanted, [], DenseSettings(batch=5, crop=0), np.random.default_rng(0))
    assert whole.shape == (5, 3, 64, 64)


def test_images_of_fewer_pixels_than_their_labels_are_cut_to_the_same_ground() -> None:
    wanted = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.avg_pool2d(wanted, 4)
    settings = DenseSettings(batch=16, crop=16, near=0.5)
    seen, asked = crops(images, wanted, [(0, 5, 30)], settings, np.random.default_rng(0))
    assert (seen.shape, asked.shape) == ((16, 1, 4, 4), (16, 1, 16, 16))
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(asked, 4), seen)


def test_a_network_learns_what_it_is_asked_for() -> None:
    images = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    wanted = (images > 0.5).float()
    torch.manual_seed(0)
    network = nn.Conv2d(1, 1, 1)
    settings = DenseSettings(steps=150, batch=4, crop=16, learning_rate=0.3)
    fit_dense("threshold", network, images, wanted, overlap_loss, settings)
    with torch.inference_mode():
        right = ((network(images) > 0) == wanted.bool()).float().mean()
    assert right > 0.8  # tones of the training differ by up to 30 %
    again = nn.Conv2d(1, 1, 1)
    torch.manual_seed(0)
    again.reset_parameters()
    fit_dense("threshold", again, images, wanted, overlap_loss, settings)
    torch.testing.assert_close(again.weight, network.weight, rtol=0, atol=0)


def test_the_loss_is_least_where_everything_is_right() -> None:
    asked = (torch.rand(2, 2, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.9).float()
    right, wrong = 20 * (2 * asked - 1), -20 * (2 * asked - 1)
    assert overlap_loss(right, asked) < 1e-3
    assert overlap_loss(wrong, asked) > 10
