"""Figures: everything that is given is shown, in the order that the function names."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from satsr.evaluation.figures import agreement_heatmap, agreement_plot, picture_rows, quirk_plot, strength_plot


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


AGREEMENT = pd.DataFrame(
    {
        "metric": ["psnr", "lpips", "ssim"],
        "agreement": [0.2, 0.9, 0.5],
        "low": [0.1, 0.8, np.nan],
        "high": [0.4, 1, np.nan],
    }
)


def test_pictures_stand_in_rows_with_their_captions() -> None:
    groups = [[(torch.full((3, 4, 4), (g + 3 * k) / 9), f"{g} {k}") for k in range(3)] for g in range(3)]
    figure = picture_rows(groups, per_row=2)
    assert len(figure.axes) == 2 * 6
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [caption for group in groups for _, caption in group]
    for axis, (image, _) in zip(shown, (cell for group in groups for cell in group), strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), image.permute(1, 2, 0))


def test_the_best_metric_stands_on_top_with_its_interval() -> None:
    (axis,) = agreement_plot(AGREEMENT).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["psnr", "ssim", "lpips"]
    points, _, (bars,) = axis.containers[0]
    assert points.get_xdata().tolist() == [0.2, 0.5, 0.9]
    first, without_interval, last = bars.get_segments()
    np.testing.assert_allclose([first[:, 0], last[:, 0]], [[0.1, 0.4], [0.8, 1.0]])
    assert len(without_interval) == 0


# 2026-11: seaborn 0.13 sets the color of missing values in a way that matplotlib is about to retire
@pytest.mark.filterwarnings("ignore:The set_bad function:PendingDeprecationWarning")
def test_the_heatmap_has_a_cell_for_every_metric_and_kind() -> None:
    table = pd.concat([AGREEMENT.assign(kind=kind) for kind in ("blur", "color_cast")])
    axis = agreement_heatmap(table).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["psnr", "lpips", "ssim"]
    assert {label.get_text() for label in axis.get_xticklabels()} == {"blur", "color\ncast"}
    assert [text.get_text() for text in axis.texts] == ["0.20", "0.20", "0.90", "0.90", "0.50", "0.50"]


def test_quirks_are_bars_as_shares_of_the_difference() -> None:
    table = pd.DataFrame({"metric": "psnr", "quirk": "border", "output": ["a", "b"], "share": [0.5, -0.25]})
    (axis,) = quirk_plot(table).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["psnr: border"]
    assert [bar.get_width() for container in axis.containers for bar in container] == [0.5, -0.25]


def test_every_voter_has_a_panel_with_all_methods() -> None:
    methods = ["bicubic", "srcnn", "esrgan"]
    one = pd.DataFrame({"method": methods, "strength": [-1.0, 0.0, 1.0], "low": [-2, -1, 0.5], "high": [0, 1, 2.0]})
    figure = strength_plot(pd.concat([one.assign(voter=voter) for voter in ("people", "psnr")]))
    assert [axis.get_title() for axis in figure.axes] == ["people", "psnr"]
    for axis in figure.axes:
        assert axis.containers[0][0].get_xdata().tolist() == [1.0, 0.0, -1.0]  # the first method on top
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == methods[::-1]
