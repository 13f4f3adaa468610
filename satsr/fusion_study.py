"""What the options of sampling methods do, SatDiffMoE's above all: one changed at a time, on the same few places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from satsr.data.pairs import Batch, Pairs
from satsr.diffusion.fusion import Fusion
from satsr.metrics.scoring import score
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.superresolver import SuperResolver
from satsr.perception.trunk import Trunk
from satsr.precision import best_device
from satsr.progress import Progress
from satsr.settings import FusionStudySettings

Times = Literal["true", "permuted", "zero"]
AS_SET = "as set"  # the variant that changes nothing
AT_ONCE = 8  # places


@dataclass(frozen=True)
class Variant:
    """One way to sample.

    Attributes:
        option: what is changed.
        value: to what, in words.
        network: options of the network and of its fusion that differ.
        dates: number of low-resolution images, the first ones; 0 takes all.
        times: what is said of time: the truth, each date's of another date, or 0.
    """

    option: str
    value: str
    network: Mapping[str, Any] = field(default_factory=dict)
    dates: int = 0
    times: Times = "true"


def ablation(settings: FusionStudySettings) -> list[Variant]:
    """Return the options that the paper leaves open, one changed at a time, after the variant that changes none."""
    found = [Variant(AS_SET, "")]
    found += [Variant("pull strength", f"{s:g}", {"strength": s}) for s in settings.strength]
    found += [Variant("pull every", f"{k} steps" if k else "never", {"every": k}) for k in settings.every]
    found += [Variant("distance", d, {"distance": d}) for d in settings.distance]
    found += [Variant("starting noise", "shared", {"shared_noise": True})]
    found += [
        Variant("DiffusionDrop", f"half, per {per}", {"drop": 0.5, "drop_per": per}) for per in ("step", "sample")
    ]
    found += [Variant("returned", which, {"returned": which}) for which in ("nearest", "random")]
    return found + [Variant("sampling steps", str(n), {"sampling_steps": n}) for n in settings.sampling_steps]


def time_variants() -> list[Variant]:
    """Return what asks whether time matters at all."""
    return [
        Variant(AS_SET, ""),
        Variant("time", "each date's of another", times="permuted"),
        Variant("time", "all 0", times="zero"),
    ]


def steps_variants(steps: Sequence[int]) -> list[Variant]:
    """Return what asks how many network calls a sampling method needs."""
    return [Variant("steps", str(count), {"sampling_steps": count}) for count in steps]


def places(pairs: Pairs, per_region: int) -> list[int]:
    """Return the numbers of a few chips of every region: spread evenly over its tiles in their order."""
    numbers = []
    for _, rows in pairs.index.groupby("region", sort=True):
        spots = np.linspace(0, len(rows) - 1, num=min(per_region, len(rows)) + 2)[1:-1]
        numbers += rows.index[spots.round().astype(int)].tolist()
    return sorted(set(numbers))


@contextmanager
def changed(network: nn.Module, options: Mapping[str, Any]) -> Iterator[None]:
    """Give a network other options for a while.

    Raises:
        AttributeError: an option that the network does not have.
    """
    of_fusion = {name: value for name, value in options.items() if name in Fusion.__dataclass_fields__}
    others = {name: value for name, value in options.items() if name not in of_fusion}
    before = {name: getattr(network, name) for name in (*(["fusion"] if of_fusion else []), *others)}
    try:
        if of_fusion:
            others["fusion"] = replace(cast(Fusion, network.fusion), **of_fusion)
        for name, value in others.items():
            setattr(network, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(network, name, value)


@torch.inference_mode()
def outputs(model: SuperResolver, batch: Batch, variant: Variant) -> Tensor:
    """Return a variant's images (N, C, H, W) in [0, 1], on the CPU."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    given = [part.to(device) for part in _seen(batch, variant)]
    with changed(model.network, variant.network):
        return model(*given).float().clamp(0, 1).cpu()


def _seen(batch: Batch, variant: Variant) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dates = variant.dates or batch.lr.shape[1]
    lr, dt_days = batch.lr[:, :dates], batch.dt_days[:, :dates].nan_to_num(0)
    times = {"true": dt_days, "permuted": dt_days.roll(max(1, dates // 2), dims=1), "zero": torch.zeros_like(dt_days)}
    return lr, times[variant.times], batch.place, batch.day


def study(
    model: SuperResolver,
    pairs: Pairs,
    numbers: Sequence[int],
    variants: Sequence[Variant],
    names: Mapping[str, str],
    look: Trunk | None = None,
) -> pd.DataFrame:
    """Score variants on the same places.

    Args:
        model: any method; only SatDiffMoE has the network's options.
        pairs: the set.
        numbers: of the chips.
        variants: what to try.
        names: short name -> full name of each metric.
        look: trunk for fusion by LPIPS; must not judge.

    Returns:
        One row per variant, place and metric: option, choice, metric, tile, region, value, seed (0).
    """
    model = model.to(best_device())
    if isinstance(model.network, LatentDiffusion):
        model.network.look_through(look)
    progress, tables = Progress(f"{model.card.method} variants", len(variants), "variants"), []
    for variant in variants:
        for start in range(0, len(numbers), AT_ONCE):
            batch = pairs.batch(numbers[start : start + AT_ONCE])
            sr = outputs(model, batch, variant)
            found = score(sr, batch.hr, list(names.values()), "corrected", lr=batch.lr, valid=batch.hr_valid)
            for name, full in names.items():
                columns = {"option": variant.option, "choice": variant.value, "metric": name, "seed": 0}
                places_of = {"tile": batch.tiles, "region": batch.regions, "value": found[full]}
                tables.append(pd.DataFrame({**columns, **places_of}))
        progress.step()
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class Spread:
    """Images with their uncertainty.

    Attributes:
        sr: (N, C, H, W).
        deviation: standard deviation over trajectories, of the same shape.
        error: absolute difference to HR, of the same shape.
        valid: bool (N, H, W), HR pixels that count.
    """

    sr: Tensor
    deviation: Tensor
    error: Tensor
    valid: Tensor

    def chosen(self, what: Tensor) -> Tensor:
        """Return the values of valid pixels, flat."""
        return what[self.valid[:, None].expand_as(what)]


@torch.inference_mode()
def spread(model: SuperResolver, batch: Batch, variant: Variant) -> Spread:
    """Return images, how far their trajectories differ, and how far they are from HR.

    Values without a deviation, of images with one date that shows something, are not valid.
    """
    device = next(p.device for p in model.parameters())
    sr, deviation = (part.cpu() for part in model.spread(*(part.to(device) for part in _seen(batch, variant))))
    sr = sr.clamp(0, 1)
    known = deviation.isfinite().all(dim=1)
    return Spread(sr, deviation, (sr - batch.hr).abs(), batch.hr_valid & known)


def calibration_factor(found: Spread) -> float:
    """Return the factor on the deviations that makes their mean square that of the errors."""
    squares = [found.chosen(part).double().square().mean() for part in (found.error, found.deviation)]
    return float((squares[0] / squares[1]).sqrt())


def coverage(found: Spread, levels: Sequence[float], factor: float = 1.0) -> pd.DataFrame:
    """Return how many HR values lie within an interval that a normal distribution would give a nominal level.

    Args:
        found: images with their uncertainty.
        levels: nominal levels, in (0, 1).
        factor: on the deviations.

    Returns:
        One row per level: nominal, share.
    """
    error, deviation = found.chosen(found.error).double(), found.chosen(found.deviation).double() * factor
    widths = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor([(1 + level) / 2 for level in levels]))
    shares = [float((error <= width * deviation).double().mean()) for width in widths.tolist()]
    return pd.DataFrame({"nominal": list(levels), "share": shares})


def rank_correlation(found: Spread) -> float:
    """Return Spearman's correlation of deviation and error over all valid values."""
    from scipy.stats import spearmanr

    return float(spearmanr(found.chosen(found.deviation).numpy(), found.chosen(found.error).numpy()).statistic)
