"""The numbers that each claim hangs on, read from a run's own tables; nothing is typed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from satsr.book.claims import MAIN_DATA
from satsr.book.ledger.words import Part
from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.tables import NOT_RUN, UNDATED
from satsr.evaluation.verdicts import EXPLORATORY
from satsr.metrics.facts import find_metric

CLIPSCORE, LPIPS = "clipscore:judge", "lpips:judge"
LIMITS = {"censored": "never reached: at most", "at_first": "reached at the first look: at least"}
ONE_SEED = "one seed"
FUSION_BASELINES = ("controlnet", "satdiffmoe_absolute", "srcnn")  # that SatDiffMoE is said to beat
MARGIN = 0.1  # of a method's own score: less is no worse

Parts = list[Part]


def metric_agreement(results: Path) -> Parts:
    """CLIPScore against PSNR, SSIM and cPSNR: shares of pairs, the interval as wide as both together allow."""
    table = _read(results, "studies/agreement/agreement.csv")
    if table is None:
        return []
    judge = json.loads((results / "studies/agreement/judges.json").read_text())["judges"]["clip"]
    table = table[(table.protocol == "corrected") & (table.kind == "macro average")].set_index("metric")
    ours, others = f"clipscore:{judge}", [m for m in ("psnr", "ssim", "cpsnr") if m in table.index]
    if ours not in table.index:
        return []
    return [_apart(f"of pairs against {m}", table.loc[ours], table.loc[m], "agreement") for m in others]


def opposite_ranking(results: Path) -> Parts:
    """Share of the test chips on which PSNR and SSIM rise over four images that get worse."""
    table = _read(results, "studies/agreement/figure2.csv")
    if table is None:
        return []
    scores = table.assign(value=(table.against >= 4).astype(float), seed=0)[["region", "seed", "value"]]
    found = mean_interval(scores)
    return [Part("of the chips, over four images", found.mean, found.low, found.high, "share")]


def sharper_than_regression(results: Path) -> Parts:
    """ESRGAN against SRCNN and HighResNet, by CLIPScore of the judge."""
    table = _read(results, f"{MAIN_DATA}/comparisons.csv")
    return [_duel(table, CLIPSCORE, "esrgan", other, "CLIPScore") for other in ("srcnn", "highresnet")]


def speed_ratio(results: Path) -> Parts:
    """Operations of SR3 over those of ESRGAN, with this run's networks and steps."""
    table = _read(results, "studies/speed/costs.csv")
    if table is None or not {"esrgan", "sr3"} <= set(table.method):
        return []
    gflop = table.set_index("method").gflop
    return [Part("fewer operations", float(gflop.sr3 / gflop.esrgan), unit="x", published=200, kind="exact")]


def buildings_kept(results: Path) -> Parts:
    """Buildings that the counter finds in HR and again in ESRGAN's outputs, minus those in SR3's."""
    table = _read(results, "studies/buildings/buildings.csv")
    if table is None:
        return []
    table = table[table.decides.astype(bool)] if "decides" in table else table
    kept = table[table.share == "kept"].set_index("method")
    if not {"esrgan", "sr3"} <= set(kept.index):
        return []
    judges = bool(table.get("judges", pd.Series([True])).all())
    wanting = "" if judges else "the counter finds too few on HR"
    return [_apart("kept by ESRGAN against SR3", kept.loc["esrgan"], kept.loc["sr3"], "value", 0.947 - 0.8177, wanting)]


def scaling(results: Path) -> Parts:
    """The smallest model on all data against the same on the smallest share."""
    return _of_study(results, "scaling", published=0.10)


def clip_loss(results: Path) -> Parts:
    """What a CLIP loss gains at equal budget, and how many times fewer steps reach the best score without it."""
    parts = _of_study(results, "clip_loss", published=0.09)
    table = _read(results, "studies/clip_loss/speed_up.csv")
    if table is None or not parts:
        return parts
    scratch = "from scratch"
    why = _hidden(results, "clip_loss").get(scratch, "")
    return [*parts, _speed_up(scratch, table[table.variant == scratch], 18.0, why)]


def downstream(results: Path) -> Parts:
    """Outputs as inputs of other networks, against LR: claimed to be no better."""
    table = _read(results, "studies/downstream/claims.csv")
    if table is None or table.empty:
        return []
    parts = []
    for _, row in table[table.source.str.contains("finding 7", na=False)].iterrows():
        control = table[(table.task == row.task) & (table.network == row.network) & (table.better == "HR")]
        unable = len(control) and control.iloc[0].verdict != "a beats b"
        wanting = "HR itself is not shown to beat LR" if unable else ""
        numbers = (float(row.difference), float(row.low), float(row.high))
        parts.append(Part(f"{row.metric}, {row.task}, {row.better}", *numbers, kind="no more", wanting=wanting))
    return parts


def transfer(results: Path) -> Parts:
    """Representations of a trained generator against those of an untrained one."""
    table = _read(results, "studies/transfer/claims.csv")
    if table is None or table.empty:
        return []
    rows = table[table.source.str.contains("by summaries", na=False)]
    return [
        Part(
            f"of accuracy with {100 * r.share:g} % of the labels",
            r.difference,
            r.low,
            r.high,
            "%",
            wanting=_seeds(r.verdict),
        )
        for _, r in rows.iterrows()
    ]


def fusion_against_others(results: Path) -> Parts:
    """SatDiffMoE against the methods that were named beforehand, by LPIPS of the judge."""
    return _against_baselines(_read(results, f"{MAIN_DATA}/comparisons.csv"))


def fusion_on_sets(results: Path) -> Parts:
    """The same on WorldStrat and fMoW, or on their embedded twins."""
    table = _read(results, "studies/data_sets/comparisons.csv")
    if table is None:
        return []
    return [
        replace(part, of=f"{part.of}, {title}")
        for title, rows in table.groupby("title", sort=False)
        for part in _against_baselines(rows)
    ]


def convergence(results: Path) -> Parts:
    """How many times fewer steps SatDiffMoE takes to ControlNet's best distance."""
    table = _read(results, "studies/convergence/convergence.csv")
    return [] if table is None or table.empty else [_speed_up("", table, 5.0)]


def fewer_parameters(results: Path) -> Parts:
    """Parameters that SatDiffMoE saves beside ControlNet, as a share of ControlNet's."""
    table = _read(results, "studies/convergence/training_costs.csv")
    if table is None or not {"satdiffmoe", "controlnet"} <= set(table.method):
        return []
    count = table.set_index("method").parameters
    return [Part("fewer than ControlNet", float(1 - count.satdiffmoe / count.controlnet), unit="%", kind="exact")]


def time_matters(results: Path) -> Parts:
    """What a wrong date costs SatDiffMoE."""
    table = _read(results, "studies/fusion/time.csv")
    if table is None or table.empty:
        return []
    rows = table[(table.metric == table.metric.iloc[-1]) & table.choice.str.contains("of another date")]
    sign = 1 if find_metric(str(table.metric.iloc[-1])).better == "lower" else -1
    return [
        _turned(Part(f"LPIPS worse, {row.option.removeprefix('time with ')}"), row, sign) for row in rows.itertuples()
    ]


def relative_time_enough(results: Path) -> Parts:
    """SatDiffMoE with relative time against the same that is told more, by LPIPS: no worse than a tenth."""
    main = _read(results, f"{MAIN_DATA}/main.csv")
    part = _duel(_read(results, f"{MAIN_DATA}/comparisons.csv"), LPIPS, "satdiffmoe", "satdiffmoe_absolute")
    if main is None or math.isnan(part.estimate) or main.note.str.contains(UNDATED, na=False).any():
        return []
    own = main[(main.method == "satdiffmoe") & (main.metric == LPIPS) & (main.protocol == "corrected")]["mean"]
    wanting = part.wanting if part.wanting == ONE_SEED else ""
    return [replace(part, published=MARGIN * float(own.iloc[0]), kind="no worse", wanting=wanting)]


def ranking(results: Path) -> Parts:
    """Kendall's tau between CLIPScore and what a counter finds in the outputs of many systems."""
    table = _read(results, "studies/ranking/taus.csv")
    if table is None or table.empty:
        return []
    rows = table[table.metric == CLIPSCORE]
    return [Part("Kendall's tau of CLIPScore", r.tau, r.low, r.high, own=True) for _, r in rows.iterrows()]


def invented(results: Path) -> Parts:
    """Share of ESRGAN's buildings that were never there, above what the counter itself invents on HR."""
    table = _read(results, "studies/hallucination/methods.csv")
    if table is None or table.empty:
        return []
    rows = table[(table.method == "esrgan") & (table.kind == "buildings")]
    return [
        Part(
            "of ESRGAN's buildings, above the counter's own error", r.above_hr, r.above_low, r.above_high, "%", own=True
        )
        for _, r in rows.iterrows()
    ]


def covered(results: Path) -> Parts:
    """Whether calibrated 95 % intervals cover at least 90 % of the ground on test regions."""
    table = _read(results, "studies/uncertainty/coverage.csv")
    if table is None or table.empty:
        return []
    rows = table[(table.level == 0.95) & (table.kind == "calibrated")]
    return [
        Part(f"of the ground in 95 % intervals, {r.method}", r.share, r.low, r.high, "share", own=True, least=0.9)
        for _, r in rows.iterrows()
    ]


EVIDENCE: dict[str, Callable[[Path], Parts]] = {
    rule.__name__: rule
    for rule in (
        metric_agreement, opposite_ranking, sharper_than_regression, speed_ratio, buildings_kept, scaling, clip_loss,
        downstream, transfer, fusion_against_others, fusion_on_sets, convergence, fewer_parameters, time_matters,
        relative_time_enough, ranking, invented, covered,
    )
}  # fmt: skip


def _read(results: Path, name: str) -> pd.DataFrame | None:
    path = results / name
    return pd.read_csv(path, dtype={"variant": str, "note": str}) if path.is_file() else None


def _seeds(verdict: str) -> str:
    return ONE_SEED if str(verdict).startswith("one seed") else ""


def _turned(part: Part, row: Any, sign: int, wanting: str = "") -> Part:
    """Return a part with the difference of a row of a table, its sign turned."""
    low, high = sorted(sign * float(getattr(row, end)) for end in ("low", "high"))
    return replace(part, estimate=sign * float(row.difference), low=low, high=high, wanting=wanting)


def _apart(of: str, ours: Any, other: Any, value: str, published: float = math.nan, wanting: str = "") -> Part:
    """Return the difference of two shares whose joint draws are not kept: the widest that both intervals allow."""
    estimate = float(ours[value] - other[value])
    low, high = float(ours.low - other.high), float(ours.high - other.low)
    return Part(of, estimate, low, high, "%", published, wanting=wanting)


def _duel(table: pd.DataFrame | None, metric: str, method: str, other: str, what: str = "LPIPS") -> Part:
    """Return how much better a method is than another, by the corrected protocol."""
    part = Part(f"{what} better than {other}")
    if table is None:
        return part
    rows = table[(table.metric == metric) & (table.protocol == "corrected") & (table.verdict != NOT_RUN)]
    rows = rows[rows.a.isin((method, other)) & rows.b.isin((method, other)) & rows.difference.notna()]
    return part if rows.empty else _of_row(part, rows.iloc[0], method)


def _of_row(part: Part, row: pd.Series, method: str) -> Part:
    better = 1 if find_metric(row.metric).better == "higher" else -1
    sign = better * (1 if row.a == method else -1)
    # Where the rule of the tables does not show it, an interval without zero is not enough.
    said = str(row.verdict)
    unshown = said == "not shown" and not row.low <= 0 <= row.high
    wanting = _seeds(said) or ("p after Holm" if unshown else "exploratory" if said == EXPLORATORY else "")
    return _turned(part, row, sign, wanting)


def _against_baselines(table: pd.DataFrame | None) -> Parts:
    return [
        part
        for other in FUSION_BASELINES
        if not math.isnan((part := _duel(table, LPIPS, "satdiffmoe", other)).estimate)
    ]


def _of_study(results: Path, study: str, published: float) -> Parts:
    """Return the claims of a study of variants; those whose baseline failed cannot be judged."""
    table = _read(results, f"studies/{study}/claims.csv")
    if table is None:
        return []
    hidden = _hidden(results, study)
    return list(_rows(table[table.difference.notna()], hidden, published))


def _rows(table: pd.DataFrame, hidden: dict[str, str], published: float) -> Iterator[Part]:
    for _, row in table.iterrows():
        why = next((hidden[name] for name in (row.a, row.b) if name in hidden), "")
        part = _of_row(Part(f"CLIPScore, {row.a} against {row.b}", published=published), row, row.a)
        yield replace(part, wanting=why or part.wanting)


def _hidden(results: Path, study: str) -> dict[str, str]:
    path = results / "studies" / study / "decision.json"
    found: dict[str, str] = json.loads(path.read_text()).get("hidden", {}) if path.is_file() else {}
    return found


def _speed_up(name: str, rows: pd.DataFrame, published: float, wanting: str = "") -> Part:
    """Return the ratio of steps over seeds: geometric mean and range, which is no interval of a bootstrap.

    A ratio that is only a limit (see `satsr.evaluation.speed_ups`) is shown and decides nothing.
    """
    part = Part(f"fewer steps, {name}".rstrip(", "), unit="x", published=published, wanting=wanting)
    if rows.empty:
        return part
    limits = [said for column, said in LIMITS.items() if rows[column].astype(bool).any()]
    one_seed = [ONE_SEED] if len(rows) < 2 else []
    low, high = (math.nan, math.nan) if one_seed else (float(rows.ratio.min()), float(rows.ratio.max()))
    mean = float(np.exp(np.log(rows.ratio).mean()))
    return replace(part, estimate=mean, low=low, high=high, wanting=wanting or ", ".join([*one_seed, *limits]))
