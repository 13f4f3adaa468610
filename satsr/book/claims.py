"""Verdicts on the papers' claims, each computed by a rule from a run's own tables."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from satsr.common.paths import MAIN
from satsr.evaluation.speed_ups import speed_up_sentence
from satsr.evaluation.tables import NOT_RUN, UNDATED
from satsr.evaluation.verdicts import EXPLORATORY, LEAST_SEEDS
from satsr.metrics.facts import find_metric
from satsr.studies.agreement import report
from satsr.studies.buildings.shares import share_text
from satsr.studies.fusion import report as fusion_report

MAIN_DATA = f"data/{MAIN}"  # folder of the main data set in a run's results
PAPER_CONVERGENCE = (5, 15)  # times faster than ControlNet


def metric_agreement(results: Path) -> str:
    """Finding 1 of Zooming Out: PSNR, SSIM and cPSNR agree poorly with preference, CLIPScore far better."""
    if not (results / "studies/agreement/agreement.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/agreement/agreement.csv")
    judges = json.loads((results / "studies/agreement/judges.json").read_text())["judges"]
    return report.agreement_sentence(table[table.protocol == "corrected"], judges)


def opposite_ranking(results: Path) -> str:
    """Figure 2 of Zooming Out: PSNR and SSIM rise while the images get worse."""
    if not (results / "studies/agreement/figure2.csv").is_file():
        return NOT_RUN
    rows = pd.read_csv(results / "studies/agreement/figure2.csv").against
    four, two = (100 * (rows >= n).mean() for n in (4, 2))
    verdict = "consistent" if two else "not found"
    return f"{verdict}: over four images on {four:.0f} %, over two on {two:.0f} % of the test chips (stand-in)"


def sharper_than_regression(results: Path) -> str:
    """Finding 4 of Zooming Out: ESRGAN is sharper than SRCNN and HighResNet, by the judging CLIPScore."""
    return _duels(results, "clipscore:judge", "esrgan", ("srcnn", "highresnet"))


def fusion_against_others(results: Path) -> str:
    """SatDiffMoE: lower LPIPS than every other method, from the same images (ControlNet uses the nearest of them)."""
    return _duels(results, "lpips:judge", "satdiffmoe")


def fusion_on_sets(results: Path) -> str:
    """SatDiffMoE: best LPIPS on WorldStrat and fMoW; here on their embedded twins unless a download is named."""
    if not (results / "studies/data_sets/comparisons.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/data_sets/comparisons.csv")
    said = [f"{name}: {_said(part, 'lpips:judge', 'satdiffmoe')}" for name, part in table.groupby("title", sort=False)]
    return "; ".join(said) or NOT_RUN


def _duels(results: Path, metric: str, method: str, others: tuple[str, ...] = ()) -> str:
    """Say against which of some methods, or of all, one wins, loses, or neither, by the tables' own rule."""
    if not (results / MAIN_DATA / "comparisons.csv").is_file():
        return NOT_RUN
    return _said(pd.read_csv(results / MAIN_DATA / "comparisons.csv"), metric, method, others)


def _said(table: pd.DataFrame, metric: str, method: str, others: tuple[str, ...] = ()) -> str:
    table = table[(table.metric == metric) & (table.protocol == "corrected") & (table.verdict != NOT_RUN)]
    found: dict[str, list[str]] = {}
    for other in others or sorted({*table.a, *table.b} - {method}):
        row = table[table.a.isin((method, other)) & table.b.isin((method, other))]
        if len(row):
            found.setdefault(_outcome(row.iloc[0], method), []).append(other)
    said = [f"{word} {', '.join(names)}" for word, names in found.items()]
    return f"by {metric}: {'; '.join(said)}" if said else NOT_RUN


def _outcome(row: pd.Series, method: str) -> str:
    """Return how a method fares in a comparison: it beats, loses to, or leads or trails without a verdict."""
    direction = 1 if row.a == method else -1
    better = direction * row.difference * (1 if find_metric(row.metric).better == "higher" else -1) > 0
    if row.verdict in ("a beats b", "b beats a"):
        return "beats" if better else "beaten by"
    if row.verdict == EXPLORATORY:
        return "better than, but not claimed to beat," if better else "worse than, but not claimed to lose to,"
    return "better than, but not shown to beat," if better else "worse than, but not shown to lose to,"


def speed_ratio(results: Path) -> str:
    """Zooming Out: ESRGAN is 200 times faster than SR3."""
    if not (results / "studies/speed/costs.csv").is_file():
        return NOT_RUN
    gflop = pd.read_csv(results / "studies/speed/costs.csv").set_index("method").gflop
    if not {"esrgan", "sr3"} <= set(gflop.index):
        return NOT_RUN
    said = f"{gflop.sr3 / gflop.esrgan:.3g} times fewer operations with this run's networks and steps"
    if (results / "studies/speed/published_costs.csv").is_file():
        published = pd.read_csv(results / "studies/speed/published_costs.csv").set_index("method").gflop
        said += f"; {published.sr3 / published.esrgan:,.0f} times with the published networks and 2000 steps"
    return said


def buildings_kept(results: Path) -> str:
    """Zooming Out, building count study: ESRGAN renders 94.70 % of the buildings, SR3 81.77 %."""
    if not (results / "studies/buildings/buildings.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/buildings/buildings.csv")
    if "decides" in table:  # a reference run of old has one rule, and says itself how well the counter counts
        table = table[table.decides.astype(bool)]
    kept = table[(table.share == "kept") & table.method.isin(("esrgan", "sr3"))]
    own = table[(table.share == "recall") & (table.method == "HR")].value
    if len(kept) < 2 or own.empty:
        return NOT_RUN
    if kept.value.isna().any() or not own.iloc[0]:
        return "no verdict: the counter finds no building on HR"
    numbers = zip(kept.method, kept.value, kept.low, kept.high, strict=True)
    said = ", ".join(f"{name} {share_text(value, low, high)}" for name, value, low, high in numbers)
    said = f"kept: {said}; the counter itself finds {100 * own.iloc[0]:.1f} % on HR"
    return said if table.get("judges", pd.Series([True])).all() else f"cannot judge ({said})"


def scaling(results: Path) -> str:
    """Finding 3 of Zooming Out: performance scales with dataset and model size; ten points for the smallest model."""
    return _decision(results, "scaling")


def downstream(results: Path) -> str:
    """Finding 7 of Zooming Out: outputs do not beat LR on downstream tasks."""
    return _decision(results, "downstream")


def transfer(results: Path) -> str:
    """What networks learn from super-resolution helps transfer learning (by summaries of Zooming Out)."""
    return _decision(results, "transfer")


def ranking(results: Path) -> str:
    """Which metric orders systems as their use to machines does; asked by this study alone."""
    return _decision(results, "ranking")


def clip_loss(results: Path) -> str:
    """Abstract of Zooming Out: a CLIPScore loss speeds a GAN's training up 18 times, and about 9 points are gained."""
    said = _decision(results, "clip_loss")
    path = results / "studies/clip_loss/speed_up.csv"
    if not path.is_file():
        return said
    faster = pd.read_csv(path, dtype={"variant": str})
    hidden = json.loads((results / "studies/clip_loss/decision.json").read_text())["hidden"]
    times = [
        f"{name}, steps to the best score without it: {speed_up_sentence(rows)} (published: 18 times)"
        for name, rows in faster.groupby("variant", sort=False)
        if name not in hidden
    ]
    return "; ".join([said, *times])


def _decision(results: Path, study: str) -> str:
    """Return what a study of variants decided, by its own rule."""
    path = results / "studies" / study / "decision.json"
    return json.loads(path.read_text())["decision"] if path.is_file() else NOT_RUN


def convergence(results: Path) -> str:
    """SatDiffMoE: converges 5 to 15 times faster than ControlNet."""
    if not (results / "studies/convergence/convergence.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/convergence/convergence.csv")
    if table.empty:
        return NOT_RUN
    low, high = PAPER_CONVERGENCE
    inside = int(((table.ratio >= low) & (table.ratio <= high) & ~table.censored).sum())
    said = speed_up_sentence(table)
    return f"in steps: {said}; {inside} of {len(table)} within the paper's {low} to {high}"


def fewer_parameters(results: Path) -> str:
    """SatDiffMoE: fewer parameters than its diffusion baselines."""
    if not (results / "studies/convergence/training_costs.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/convergence/training_costs.csv").set_index("method")
    if not {"satdiffmoe", "controlnet"} <= set(table.index):
        return NOT_RUN
    counts = table.loc[["satdiffmoe", "controlnet"], ["parameters", "that learn"]].to_numpy(float)
    share, learn = counts[0] / counts[1]
    return (
        f"{'consistent' if share < 1 else 'not found'}: {share:.2f} of ControlNet's, which adds a copy of its encoder "
        f"to the same prior; of those that learn, {learn:.2f}"
    )


def time_matters(results: Path) -> str:
    """SatDiffMoE: the relative time difference conditions the images."""
    if not (results / "studies/fusion/time.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "studies/fusion/time.csv")
    return fusion_report.time_sentence(table, "" if table.empty else table.metric.iloc[-1])


def relative_time_enough(results: Path) -> str:
    """SatDiffMoE: no worse than the same network that is told place, resolution and both dates.

    Enough is said where the interval leaves no room for a tenth of the score to be won by telling more.
    """
    metric, told_more = "lpips:judge", "satdiffmoe_absolute"
    if not all((results / MAIN_DATA / f"{name}.csv").is_file() for name in ("comparisons", "main")):
        return NOT_RUN
    table, main = (
        pd.read_csv(results / MAIN_DATA / f"{name}.csv", dtype={"note": str}) for name in ("comparisons", "main")
    )
    if main.note.str.contains(UNDATED, na=False).any():
        return fusion_report.NO_DATES
    row = table[(table.metric == metric) & (table.protocol == "corrected") & table.a.isin(("satdiffmoe", told_more))]
    row = row[row.b.isin(("satdiffmoe", told_more))]
    if row.difference.isna().all():
        return NOT_RUN
    duel, own = row.iloc[0], main[(main.method == "satdiffmoe") & (main.metric == metric)]
    margin = 0.1 * float(own[own.protocol == "corrected"]["mean"].iloc[0])
    sign = 1 if duel.a == "satdiffmoe" else -1
    lost, worst = sign * duel.difference, max(sign * duel.low, sign * duel.high)
    said = f"{metric} of relative minus absolute: {lost:+.3f}, at worst {worst:+.3f} (margin {margin:.3f})"
    if duel.seeds < LEAST_SEEDS or not worst < math.inf:
        return f"{said}: one seed or one region, not said"
    return f"{said}: {'enough' if worst < margin else 'not shown to be enough'}"


RULES: dict[str, Callable[[Path], str]] = {
    "metric_agreement": metric_agreement,
    "opposite_ranking": opposite_ranking,
    "sharper_than_regression": sharper_than_regression,
    "speed_ratio": speed_ratio,
    "buildings_kept": buildings_kept,
    "fusion_against_others": fusion_against_others,
    "fusion_on_sets": fusion_on_sets,
    "scaling": scaling,
    "clip_loss": clip_loss,
    "downstream": downstream,
    "transfer": transfer,
    "ranking": ranking,
    "convergence": convergence,
    "fewer_parameters": fewer_parameters,
    "time_matters": time_matters,
    "relative_time_enough": relative_time_enough,
}


def status(rule: str, typed: str, results: Path) -> str:
    """Return a claim's verdict: by its rule, or the typed words "not run yet" of a claim that has none.

    Raises:
        ValueError: a rule that does not exist.
    """
    if not rule:
        return typed
    if rule not in RULES:
        raise ValueError(f"book/published/claims.csv: unknown rule {rule!r}, expected one of {', '.join(RULES)}")
    return RULES[rule](results)
