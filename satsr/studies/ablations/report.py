"""Tables and sentences of a study of variants: means, verdicts on what was claimed, and whether it may be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.speed_ups import COLUMNS as COLUMNS_OF_SPEED_UPS
from satsr.evaluation.speed_ups import speed_up_sentence, speed_ups
from satsr.evaluation.tables import NOT_AVAILABLE, NOT_RUN
from satsr.evaluation.verdict_texts import claims_as_text
from satsr.evaluation.verdicts import LEAST_SEEDS, comparisons
from satsr.metrics.facts import find_metric
from satsr.studies.ablations.settings import BICUBIC, AblationSettings

if TYPE_CHECKING:  # both need torch, which a book does not
    from satsr.studies.ablations.engine import Tried
    from satsr.studies.ablations.variants import Variant

LEAST_STEPS = 200  # of a training that is shown
UNDECIDED = "cannot be decided at this profile"
COLUMNS = ["variant", "means", "metric", "protocol", "mean", "low", "high", "images", "regions", "seeds", "flattered"]


@dataclass(frozen=True)
class Report:
    """What a study of variants says.

    Attributes:
        means: from `means_table`.
        claims: from `claims_table`.
        hidden: variant -> why it is not shown; of the baseline where none is, "" for one that is.
        decision: one sentence, by rule.
    """

    means: pd.DataFrame
    claims: pd.DataFrame
    hidden: dict[str, str]
    decision: str

    @property
    def shown(self) -> list[str]:
        """Names of the variants that may be shown."""
        return [name for name, why in self.hidden.items() if not why]

    def save(self, folder: Path, tried: Tried, study: AblationSettings) -> None:
        """Write means, claims, curves and what may be read of them to the folder of the study's results."""
        folder.mkdir(parents=True, exist_ok=True)
        why = self.means.variant.map(self.hidden).fillna("")
        self.means.assign(hidden=why).to_csv(folder / "means.csv", index=False, float_format="%.6g")
        self.claims.to_csv(folder / "claims.csv", index=False, float_format="%.6g")
        tried.curves.to_csv(folder / "curves.csv", index=False, float_format="%.6g")
        said = {"decision": self.decision, "hidden": {name: why for name, why in self.hidden.items() if why}}
        (folder / "decision.json").write_text(json.dumps(said, indent=1) + "\n")
        (folder / "settings.json").write_text(study.model_dump_json(indent=1) + "\n")


def saved_report(folder: Path) -> tuple[Report, AblationSettings]:
    """Return what `Report.save` wrote, and the settings of the study as they were then."""
    text = dict.fromkeys(("variant", "means", "a", "b", "claim", "verdict", "hidden"), str)  # some are named by numbers
    means = pd.read_csv(folder / "means.csv", dtype=text).fillna({"means": "", "hidden": ""})
    said = json.loads((folder / "decision.json").read_text())
    study = AblationSettings.model_validate_json((folder / "settings.json").read_text())
    run = [name for name in means.variant.unique() if name in study.variants]
    hidden = {name: said["hidden"].get(name, "") for name in run}
    claims = pd.read_csv(folder / "claims.csv", dtype=text)
    return Report(means[COLUMNS], claims, hidden, said["decision"]), study


def report(tried: Tried, study: AblationSettings, variants: Mapping[str, Variant], bootstrap: TableSettings) -> Report:
    """Return what a study says of its variants.

    Args:
        tried: from `try_variants`.
        study: its settings.
        variants: from `variants_of`.
        bootstrap: of the intervals.
    """
    means = means_table(tried.scores, study, bootstrap)
    claims = claims_table(tried.scores, study, bootstrap)
    hidden = hidden_variants(means, study, variants)
    return Report(means, claims, hidden, decision(claims, study, hidden))


def means_table(scores: pd.DataFrame, study: AblationSettings, bootstrap: TableSettings) -> pd.DataFrame:
    """Return every variant's means with their intervals over regions, then seeds.

    Args:
        scores: from `try_variants`.
        study: its settings, for what each variant means.
        bootstrap: of the intervals.

    Returns:
        One row per variant (bicubic last), metric and protocol: variant, means, metric, protocol, mean, low, high,
        images, regions, seeds, flattered (the metric's network sat in a loss of the variant).
    """
    rows = []
    for (variant, metric, protocol), own in scores.groupby(["method", "metric", "protocol"], sort=False):
        found = mean_interval(own, bootstrap.level, bootstrap.resamples, bootstrap.seed)
        means = study.variants[variant].means if variant in study.variants else ""
        counts = (found.n_images, found.n_regions, found.n_seeds, bool(own.flattered.any()))
        rows.append((variant, means, metric, protocol, found.mean, found.low, found.high, *counts))
    return pd.DataFrame(rows, columns=COLUMNS)


def claims_table(scores: pd.DataFrame, study: AblationSettings, bootstrap: TableSettings) -> pd.DataFrame:
    """Return what the study claims, tested as the main table's claims are; see `comparisons`."""
    better = {metric: find_metric(metric).better for metric in study.metrics}
    limits = bootstrap.level, bootstrap.resamples, bootstrap.seed
    found = comparisons(scores, better, study.claims, *limits, untrained={BICUBIC})
    return found[found.claim.ne("")].reset_index(drop=True)


def hidden_variants(table: pd.DataFrame, study: AblationSettings, variants: Mapping[str, Variant]) -> dict[str, str]:
    """Return, for every variant that was run, why its numbers are not shown; "" where they are.

    A training of fewer than `LEAST_STEPS` steps shows what chance began, and variants of a baseline that is no better
    than bicubic in the metric that decides say nothing of one that works.

    Args:
        table: from `means_table`.
        study: its settings.
        variants: from `variants_of`.
    """
    if not variants:
        return {}
    metric = study.metrics[0]
    means = table[table.metric.eq(metric)].groupby("variant")["mean"].first()
    ahead = _sign(metric) * (means[study.baseline] - means[BICUBIC])
    if variants[study.baseline].training.steps < LEAST_STEPS:
        return dict.fromkeys(variants, f"{study.baseline} learned for fewer than {LEAST_STEPS} steps")
    if not ahead > 0:
        return dict.fromkeys(variants, f"in {metric}, {study.baseline} is not better than bicubic")
    return {
        name: f"learned for fewer than {LEAST_STEPS} steps" if _steps(variant) < LEAST_STEPS else ""
        for name, variant in variants.items()
    }


def decision(claims: pd.DataFrame, study: AblationSettings, hidden: Mapping[str, str]) -> str:
    """Return the study's verdict on what it claims, one clause per claim, by rule.

    A claim is *reproduced* where the rule of the main table shows it. Where it shows nothing although it could have
    shown the published effect, it is *not reproduced*; where it could not, or one seed was trained, or the numbers are
    not shown, it *cannot be decided*.

    Args:
        claims: from `claims_table`.
        study: its settings, with the size of the published effect.
        hidden: from `hidden_variants`.
    """
    if hidden and all(hidden.values()) and len(set(hidden.values())) == 1:
        return f"{UNDECIDED}: {next(iter(hidden.values()))}"
    return "; ".join(_decided(row, study.published, hidden) for row in claims.itertuples()) or "nothing is claimed"


def _decided(row: Any, published: float | None, hidden: Mapping[str, str]) -> str:
    names = f"{row.a} before {row.b}"
    if row.verdict == NOT_RUN:
        return f"{names}: {NOT_RUN}"
    if why := hidden.get(row.a) or hidden.get(row.b):
        return f"{names}: {UNDECIDED}: {why}"
    digits = 2 if find_metric(row.metric).unit == "dB" else 3
    numbers = f"{row.metric} {row.difference:+.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"
    beside = "" if published is None else f", published about {published:g}"
    if row.verdict == "a beats b":
        return f"{names}: reproduced in sign: {numbers}{beside}"
    if row.verdict == "b beats a":
        return f"{names}: not reproduced, it is the other way round: {numbers}{beside}"
    if row.seeds < LEAST_SEEDS:
        return f"{names}: {UNDECIDED}: one seed ({numbers}{beside})"
    if published is None or not row.smallest <= published:
        return f"{names}: {UNDECIDED}: {row.smallest:.{digits}f} would be shown ({numbers}{beside})"
    return f"{names}: not reproduced: {numbers}{beside}"


def as_text(found: Report, study: AblationSettings) -> pd.DataFrame:
    """Return the means as text: a row per variant, run or not, and bicubic; a column per metric.

    Why one variant is not shown stands beside what it is; why none is, in the decision.
    """
    cells = found.means.assign(cell=[_cell(row, found.hidden) for row in found.means.itertuples()])
    wide = cells.pivot_table(index="variant", columns="metric", values="cell", aggfunc="first", sort=False)
    wide = wide.reindex(index=[*study.variants, BICUBIC], columns=list(study.metrics)).astype(object).fillna(NOT_RUN)
    means = [study.variants[name].means if name in study.variants else "" for name in wide.index]
    if not all(found.hidden.values()):
        reasons = [found.hidden.get(str(name), "") for name in wide.index]
        means = [f"{words} ({why})" if why else words for words, why in zip(means, reasons, strict=True)]
    wide.insert(0, "what it is", means)
    return wide.reset_index().rename_axis(columns=None)


def claims_text(found: Report, study: AblationSettings) -> pd.DataFrame:
    """Return the claims as text; none whose variants are not shown."""
    hidden = {name for name, why in found.hidden.items() if why}
    shown = ~(found.claims.a.isin(hidden) | found.claims.b.isin(hidden))
    digits = {metric: 2 if find_metric(metric).unit == "dB" else 3 for metric in study.metrics}
    return claims_as_text(found.claims[shown], digits)


def summary(found: Report, study: AblationSettings, profile: str) -> pd.DataFrame:
    """Return what the study claims beside what was published and measured, one row per claim, as text."""
    shown = {(row.claim, row.metric): row for row in claims_text(found, study).itertuples()}
    rows = []
    for claim in study.claims:
        row = shown.get((f"{claim.better} before {claim.worse}", claim.metric))
        measured = "not shown" if row is None else row.difference or NOT_RUN
        published = NOT_AVAILABLE if study.published is None else f"about {study.published:g}"
        seeds = ", ".join(map(str, study.seeds))
        names = f"{claim.better} before {claim.worse}", claim.source, claim.metric
        rows.append((*names, published, measured, profile, seeds))
    columns = ["claim", "who says so", "metric", "published difference", "measured", "profile", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def speed_up_table(curves: pd.DataFrame, study: AblationSettings, score: str = "val_clipscore") -> pd.DataFrame:
    """Return how much sooner each variant reaches the baseline's best validation score; see `speed_ups`.

    Args:
        curves: from `try_variants`.
        study: its settings.
        score: column, of which more is better.

    Returns:
        One row per variant other than the baseline, and seed: variant, and the columns of `speed_ups`.
    """
    baseline = curves[curves.variant == study.baseline]
    others = [name for name in dict.fromkeys(curves.variant) if name != study.baseline]
    found = [
        speed_ups(curves[curves.variant == name], baseline, score, better="higher").assign(variant=name)
        for name in others
    ]
    return pd.concat(found) if found else pd.DataFrame(columns=["variant", *COLUMNS_OF_SPEED_UPS])


def speed_up_lines(faster: pd.DataFrame, found: Report) -> str:
    """Say how much sooner, one line per variant that may be shown."""
    lines = [
        f"- {name}: {speed_up_sentence(rows)}"
        for name, rows in faster.groupby("variant", sort=False)
        if not found.hidden[str(name)]
    ]
    return "\n".join(lines) or "Nothing is shown."


def flattery_sentence(found: Report, study: AblationSettings) -> str:
    """Say what the metric that decides gains over the baseline, and what the same metric by a network of the loss."""
    kind = study.metrics[0].partition(":")[0]
    beside = [metric for metric in study.metrics if metric.startswith(f"{kind}:") and metric != study.metrics[0]]
    if not found.hidden:
        return ""
    means = found.means.pivot_table(index="variant", columns="metric", values="mean", aggfunc="first", sort=False)
    gains = means - means.loc[study.baseline]
    lines = []
    for name in (v for v in means.index if v in study.variants and v != study.baseline and not found.hidden[v]):
        own = ", ".join(f"{gains.loc[name, metric]:+.3f} by {metric}" for metric in beside)
        said = f"- {name}: {gains.loc[name, study.metrics[0]]:+.3f} by {study.metrics[0]}"
        lines.append(f"{said}; {own}, which sat in its loss" if own else said)
    return "\n".join(lines)


def at_equal_seconds(curves: pd.DataFrame, speeds: Mapping[str, float], baseline: str, score: str) -> pd.DataFrame:
    """Return where each variant was when the baseline ended, by steps and by seconds.

    Args:
        curves: from `try_variants`, of variants with as many samples a step.
        speeds: samples per second of every variant, measured on one machine.
        baseline: of the variants.
        score: column of validation scores.

    Returns:
        One row per variant with a speed: variant, cost (of a step, relative to the baseline's), at_equal_steps and
        at_equal_seconds (means over seeds; NaN before the first validation).
    """
    last = int(curves[curves.variant == baseline].step.max())
    rows = []
    for name, own in ((str(name), own) for name, own in curves.groupby("variant", sort=False)):
        if name in speeds and baseline in speeds:
            cost, before = speeds[baseline] / speeds[name], int(own.before.iloc[0])  # which cost as the baseline's do
            then = before + (last - before) / cost
            rows.append((name, cost, _score_at(own, score, last), _score_at(own, score, then)))
    return pd.DataFrame(rows, columns=["variant", "cost", "at_equal_steps", "at_equal_seconds"])


def _score_at(own: pd.DataFrame, score: str, step: float) -> float:
    reached = own[own.step <= step].sort_values("step").groupby("seed")[score].last()
    return float(reached.mean()) if len(reached) else np.nan


def _steps(variant: Variant) -> int:
    """Return how long a variant learned, with the steps of the one that it goes on from."""
    return variant.training.steps + (variant.start.training.steps if variant.start else 0)


def _sign(metric: str) -> int:
    return 1 if find_metric(metric).better == "higher" else -1


def _cell(row: Any, hidden: Mapping[str, str]) -> str:
    if hidden.get(row.variant, ""):
        return "not shown"
    interval = f" [{row.low:.3f}, {row.high:.3f}]" if np.isfinite(row.low) else ""
    return f"{row.mean:.3f}{interval}{' (flattered)' if row.flattered else ''}"
