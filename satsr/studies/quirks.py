"""Each quirk of the reference code by itself: how far it moves a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import pandas as pd
import torch
from torch import Tensor

from satsr.data.pairs import Batch
from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.settings import TableSettings
from satsr.metrics.clipscore import clipscore
from satsr.metrics.cpsnr import Search, best_psnr, cpsnr, crop_offsets_px
from satsr.metrics.lpips import lpips
from satsr.metrics.protocol import LEVELS_8BIT, levels_8bit, without_border
from satsr.metrics.psnr import psnr
from satsr.metrics.ssim import ssim
from satsr.perception.clip import Clip
from satsr.perception.trunk import Trunk

ALL = "all: published"
Score = Callable[[Tensor, Tensor], Tensor]
Change = Callable[[Tensor], Tensor]


def rounded(image: Tensor) -> Tensor:
    """Round (N, C, H, W) in [0, 1] to 8 bit."""
    return levels_8bit(image) / LEVELS_8BIT


def reversed_bands(image: Tensor) -> Tensor:
    """Swap red and blue."""
    return image.flip(1)


def upper_half(image: Tensor) -> Tensor:
    """Bring [0, 1] to [0.5, 1]: what LPIPS makes of [0, 1] where it expects [-1, 1]."""
    return (image + 1) / 2


def variants(trunk: Trunk, clip: Clip) -> dict[str, dict[str, Score]]:
    """Return, for each metric, the corrected score under "", every quirk alone, and all of them.

    Args:
        trunk: of LPIPS.
        clip: of CLIPScore.
    """
    of_images = {"8-bit rounding": rounded, "border": without_border}
    of_networks = {"8-bit rounding": rounded, "BGR order": reversed_bands}
    even, unprepared = {"even displacements": _even_displacements}, {"no normalization": partial(_unprepared, clip)}
    return {
        "psnr": _ways(psnr, of_images),
        "ssim": _ways(ssim, of_images),
        "cpsnr": _ways(cpsnr, of_images, even),
        "lpips": _ways(partial(lpips, trunk=trunk), {**of_networks, "[0, 1] input": upper_half}),
        "clipscore": _ways(partial(clipscore, clip=clip), of_networks, unprepared),
    }


def _ways(
    metric: Callable[..., Tensor], changes: Mapping[str, Change], own: Mapping[str, Score] = MappingProxyType({})
) -> dict[str, Score]:
    """Return the corrected score, those of changed images, those that are computed otherwise, and the published one."""
    return {
        "": lambda sr, hr: metric(sr, hr, "corrected", None),
        **{name: _changed(change, metric) for name, change in changes.items()},
        **own,
        ALL: lambda sr, hr: metric(sr, hr, "published", None),
    }


def _changed(change: Change, metric: Callable[..., Tensor]) -> Score:
    return lambda sr, hr: metric(change(sr), change(hr), "corrected", None)


def _even_displacements(sr: Tensor, hr: Tensor) -> Tensor:
    return best_psnr(sr, hr, "corrected", None, Search(crop_offsets_px(step_px=2), bias="band"))


def _unprepared(clip: Clip, sr: Tensor, hr: Tensor) -> Tensor:
    def embed(images: Tensor) -> tuple[Tensor, ...]:
        return (clip.embed_images(images.float(), resize="nearest"),)

    (target,) = clip.memory.features(hr, "no normalization", embed)
    return (embed(sr)[0] * target).sum(dim=1, dtype=torch.float64)


@torch.inference_mode()
def quirk_table(
    outputs: Mapping[str, Tensor], batch: Batch, trunk: Trunk, clip: Clip, settings: TableSettings
) -> pd.DataFrame:
    """Score every kind of output with every variant.

    Args:
        outputs: (N, 3, H, W) in [0, 1] by kind.
        batch: the targets and their regions.
        trunk: of LPIPS.
        clip: of CLIPScore.
        settings: of the bootstrap over regions.

    Returns:
        Columns metric, quirk ("" for the corrected score), output, mean, change, low, high.
    """
    rows = []
    for metric, ways in variants(trunk, clip).items():
        for output, sr in outputs.items():
            found_by = {quirk: way(sr, batch.hr) for quirk, way in ways.items()}
            for quirk, values in found_by.items():
                change = pd.DataFrame({"region": batch.regions, "seed": 0, "value": (values - found_by[""]).numpy()})
                found = mean_interval(change, settings.level, settings.resamples, settings.seed)
                rows.append((metric, quirk, output, float(values.mean()), found.mean, found.low, found.high))
    return pd.DataFrame(rows, columns=["metric", "quirk", "output", "mean", "change", "low", "high"])


def quirks_as_text(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per metric and quirk, as text: the mean and the change for every kind of output."""
    digits = found.metric.map({"psnr": 2, "cpsnr": 2}).fillna(3).astype(int)
    text = [
        f"{r.mean:.{d}f}" if r.quirk == "" else f"{r.mean:.{d}f} ({r.change:+.{d}f} [{r.low:+.{d}f}, {r.high:+.{d}f}])"
        for r, d in zip(found.itertuples(), digits, strict=True)
    ]
    wide = found.assign(text=text, quirk=found.quirk.replace("", "none: corrected"))
    order = wide[["metric", "quirk"]].drop_duplicates()
    cells = wide.pivot(index=["metric", "quirk"], columns="output", values="text").reset_index()
    return order.merge(cells, on=["metric", "quirk"])[["metric", "quirk", *dict.fromkeys(found.output)]]


def relative(found: pd.DataFrame) -> pd.DataFrame:
    """Return the quirks with their change as a share of the difference between the kinds of output."""
    corrected = found[found.quirk == ""].groupby("metric")["mean"]
    between = corrected.max() - corrected.min()
    rows = found[found.quirk != ""]
    return rows.assign(share=rows.change / rows.metric.map(between))


def quirks_sentence(found: pd.DataFrame) -> str:
    """Return which quirk moves which score most, and which rankings the published protocol turns around."""
    shares = relative(found[found.quirk != ALL])
    worst = shares.iloc[int(shares["share"].abs().to_numpy().argmax())]
    turned = [str(metric) for metric, part in found.groupby("metric", sort=False) if _turns(part)]
    return (
        f"The quirk that moves a score most is *{worst.quirk}* in {worst.metric}: {worst.change:+.3f} for the "
        f"{worst.output}, {abs(worst['share']):.2f} times the difference between the two kinds of output. "
        f"The published protocol turns the ranking of the two around in: {', '.join(turned) or 'no metric'}."
    )


def _turns(part: pd.DataFrame) -> bool:
    first, second = dict.fromkeys(part.output)
    wide = part.pivot(index="quirk", columns="output", values="mean")
    difference = wide[first] - wide[second]
    return bool(difference[""] * difference[ALL] < 0)
