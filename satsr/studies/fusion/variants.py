"""What the options of sampling methods do, SatDiffMoE's above all: one changed at a time, on the same few places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal, cast

import pandas as pd
import torch
from torch import Tensor, nn

from satsr.common.device import best_device
from satsr.common.progress import Progress
from satsr.data.pairs import Batch, Pairs, spread_evenly
from satsr.data.seen import Seen
from satsr.metrics.scoring import score
from satsr.models.diffusion.options import changed
from satsr.models.diffusion.process import Diffusion
from satsr.models.diffusion.when import YEAR_DAYS
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.superresolver import SuperResolver
from satsr.studies.fusion.settings import AS_SET, FusionStudySettings

Times = Literal["true", "permuted", "later", "zero"]
AT_ONCE = 8  # places


@dataclass(frozen=True)
class Variant:
    """One way to sample.

    Attributes:
        option: what is changed.
        value: to what, in words.
        network: options of the network and of its fusion that differ.
        dates: number of low-resolution images, the first ones; 0 takes all.
        times: what is said of time: the truth, each date's of another date of the place, a year later, or 0.
    """

    option: str
    value: str
    network: Mapping[str, Any] = field(default_factory=dict)
    dates: int = 0
    times: Times = "true"


def ablation(settings: FusionStudySettings, network: LatentDiffusion) -> list[Variant]:
    """Return the options that the paper leaves open, one changed at a time, after the variant that changes none.

    What to return matters only where trajectories still differ, so it is asked at a pull of half the way.
    """
    found = [Variant(AS_SET, "")]
    found += [Variant("pull strength", f"{s:g}", {"strength": s}) for s in settings.strength]
    found += [Variant("pull every", f"{k} steps" if k else "never", {"every": k}) for k in settings.every]
    found += [Variant("distance", d, {"distance": d}) for d in settings.distance]
    found += [Variant("noise estimate", "follows the pull", {"renoise": not network.fusion.renoise})]
    found += [Variant("starting noise", "shared", {"shared_noise": True})]
    found += [
        Variant("DiffusionDrop", f"half, per {per}", {"drop": 0.5, "drop_per": per}) for per in ("step", "sample")
    ]
    found += [
        Variant("pulled half the way, returned", which, {"strength": 0.5, "returned": which})
        for which in ("centre", "nearest", "random")
    ]
    return found + [Variant("sampling steps", str(n), {"sampling_steps": n}) for n in settings.sampling_steps]


def time_variants(dates: int) -> list[Variant]:
    """Return what asks whether time matters at all, with one image and with many.

    The mean over many trajectories hides what a wrong time does to each: with one image nothing is averaged.
    """
    wrong: dict[str, Times] = {"of another date": "permuted", "a year later": "later", "0": "zero"}
    images = "1 image" if dates == 1 else f"{dates} images"
    return [
        Variant(AS_SET, images, dates=dates),
        *(Variant(f"time with {images}", name, dates=dates, times=times) for name, times in wrong.items()),
    ]


def steps_variants(network: nn.Module, steps: Sequence[int]) -> list[Variant]:
    """Return what asks how many network calls a sampling method needs; the number that is set is among them.

    Other numbers visit the chain from its end on (`trailing`): from a chain's second step on, fewer calls would not
    start from noise.
    """
    own = int(cast(int, network.sampling_steps))
    found = []
    for count in sorted({*steps, own}):
        process = network.process
        if isinstance(process, Diffusion) and count != own:
            process = replace(process, spacing="trailing")
        found.append(Variant("steps", str(count), {"sampling_steps": count, "process": process}))
    return found


def dates_variants() -> list[Variant]:
    """Return what gives two methods the same number of images: the nearest, and all of them."""
    return [
        Variant("images", "the nearest", {"dates": "nearest"}),
        Variant("images", "all, fused", {"dates": "all"}),
    ]


def places(pairs: Pairs, count: int) -> list[int]:
    """Return the numbers of so many chips, or of all: as many of every region, or one of regions spread evenly.

    Chips of one region say much the same, so more regions come before more chips of one; of a region they are spread
    evenly over its tiles in their order.
    """
    regions = [rows.index for _, rows in pairs.index.groupby("region", sort=True)]
    once_more = spread_evenly(len(regions), count % len(regions))
    numbers = []
    for number, rows in enumerate(regions):
        wanted = count // len(regions) + (number in once_more)
        numbers += rows[spread_evenly(len(rows), wanted)].tolist()
    return sorted(numbers)


@torch.inference_mode()
def outputs(model: SuperResolver, batch: Batch, variant: Variant) -> Tensor:
    """Return a variant's images (N, C, H, W) in [0, 1], on the CPU."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with changed(model.network, variant.network):
        return model(*_seen(batch, variant).to(device)).float().clamp(0, 1).cpu()


def _seen(batch: Batch, variant: Variant) -> Seen:
    seen = batch.seen()
    every, dates = seen.dt_days, variant.dates or seen.lr.shape[1]
    times = {
        "true": lambda: every,
        "permuted": lambda: every.roll(max(1, every.shape[1] // 2), dims=1),
        "later": lambda: every + YEAR_DAYS,
        "zero": lambda: torch.zeros_like(every),
    }
    return seen._replace(lr=seen.lr[:, :dates], dt_days=times[variant.times]()[:, :dates])


def study(
    models: Sequence[tuple[int, SuperResolver]],
    pairs: Pairs,
    numbers: Sequence[int],
    variants: Sequence[Variant],
    names: Mapping[str, str],
) -> pd.DataFrame:
    """Score variants on the same places, with every training of a method.

    Args:
        models: by seed; any method, where variants do not name options of SatDiffMoE's network.
        pairs: the split.
        numbers: of the chips.
        variants: what to try.
        names: short name -> full name of each metric.

    Returns:
        One row per variant, place, metric and training: option, choice, metric, seed, tile, region, value.
    """
    what = f"{models[0][1].card.method} variants"
    progress, tables = Progress(what, len(variants) * len(models), "variants"), []
    for variant, (seed, model) in product(variants, models):
        model.to(best_device())
        for start in range(0, len(numbers), AT_ONCE):
            batch = pairs.batch(numbers[start : start + AT_ONCE])
            sr = outputs(model, batch, variant)
            found = score(sr, batch.hr, list(names.values()), "corrected", lr=batch.lr, valid=batch.hr_valid)
            for name, full in names.items():
                columns = {"option": variant.option, "choice": variant.value, "metric": name, "seed": seed}
                places_of = {"tile": batch.tiles, "region": batch.regions, "value": found[full]}
                tables.append(pd.DataFrame({**columns, **places_of}))
        progress.step()
    return pd.concat(tables, ignore_index=True)
