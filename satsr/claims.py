"""Verdicts on the papers' claims, each computed by a rule from a run's own tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from satsr import convergence as convergence_report
from satsr import fusion_report
from satsr.agreement import report
from satsr.tables import NOT_RUN


def metric_agreement(results: Path) -> str:
    """Finding 1 of Zooming Out: PSNR, SSIM and cPSNR agree poorly with preference, CLIPScore far better."""
    if not (results / "agreement.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "agreement.csv")
    judges = json.loads((results / "judges.json").read_text())["judges"]
    return report.sentence(table[table.protocol == "corrected"], judges)


def opposite_ranking(results: Path) -> str:
    """Figure 2 of Zooming Out: PSNR and SSIM rise while the images get worse."""
    if not (results / "figure2.csv").is_file():
        return NOT_RUN
    rows = pd.read_csv(results / "figure2.csv").against
    four, two = (100 * (rows >= n).mean() for n in (4, 2))
    verdict = "consistent" if two else "not found"
    return f"{verdict}: over four images on {four:.0f} %, over two on {two:.0f} % of the test chips (stand-in)"


def sharper_than_regression(results: Path) -> str:
    """Finding 4 of Zooming Out: ESRGAN is sharper than SRCNN and HighResNet, by the judging CLIPScore."""
    return _duels(results, "clipscore:judge", "esrgan", ("srcnn", "highresnet"))


def fusion_against_others(results: Path) -> str:
    """SatDiffMoE: lower LPIPS than every other method."""
    others = ("controlnet", "sr3", "esrgan", "highresnet", "srcnn")
    return _duels(results, "lpips:judge", "satdiffmoe", others)


def _duels(results: Path, metric: str, method: str, others: tuple[str, ...]) -> str:
    """Say against which of some methods one wins, loses, or neither, by the tables' own rule."""
    if not (results / "comparisons.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "comparisons.csv")
    table = table[(table.metric == metric) & (table.protocol == "corrected")]
    found: dict[str, list[str]] = {}
    for other in others:
        row = table[table.a.isin((method, other)) & table.b.isin((method, other))]
        if len(row):
            found.setdefault(_outcome(row.iloc[0], method), []).append(other)
    said = [f"{word} {', '.join(names)}" for word, names in found.items()]
    return f"by {metric}: {'; '.join(said)}" if said else NOT_RUN


def _outcome(row: pd.Series, method: str) -> str:
    """Return how a method fares in a comparison: it beats, loses to, or leads or trails within the interval."""
    direction = 1 if row.a == method else -1
    better = direction * row.difference * (-1 if row.metric.startswith("lpips") else 1) > 0
    if row.verdict in ("a beats b", "b beats a"):
        return "beats" if better else "beaten by"
    return "better than, but not shown to beat," if better else "worse than, but not shown to lose to,"


def speed_ratio(results: Path) -> str:
    """Zooming Out: ESRGAN is 200 times faster than SR3."""
    if not (results / "costs.csv").is_file():
        return NOT_RUN
    gflop = pd.read_csv(results / "costs.csv").set_index("method").gflop
    if not {"esrgan", "sr3"} <= set(gflop.index):
        return NOT_RUN
    return f"{gflop.sr3 / gflop.esrgan:.0f} times fewer operations with this run's small networks and few steps"


def buildings_kept(results: Path) -> str:
    """Zooming Out, building count study: ESRGAN renders 94.70 % of the buildings, SR3 81.77 %."""
    if not (results / "buildings.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "buildings.csv")
    kept = table[(table.share == "kept") & table.method.isin(("esrgan", "sr3"))]
    own = table[(table.share == "recall") & (table.method == "HR")].value
    if len(kept) < 2 or own.empty:
        return NOT_RUN
    if kept.value.isna().any() or not own.iloc[0]:
        return "no verdict: the counter finds no building on HR"
    numbers = zip(kept.method, 100 * kept.value, 100 * kept.low, 100 * kept.high, strict=True)
    said = ", ".join(f"{name} {value:.1f} % [{low:.1f}, {high:.1f}]" for name, value, low, high in numbers)
    return f"kept: {said}; the counter itself finds {100 * own.iloc[0]:.1f} % on HR"


def convergence(results: Path) -> str:
    """SatDiffMoE: converges 5 to 15 times faster than ControlNet."""
    if not (results / "convergence.csv").is_file():
        return NOT_RUN
    return f"in steps: {convergence_report.sentence(pd.read_csv(results / 'convergence.csv'))}"


def fewer_parameters(results: Path) -> str:
    """SatDiffMoE: fewer parameters than its diffusion baselines."""
    if not (results / "training_costs.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "training_costs.csv").set_index("method").parameters
    if not {"satdiffmoe", "controlnet"} <= set(table.index):
        return NOT_RUN
    share = table.satdiffmoe / table.controlnet
    return f"{'consistent' if share < 1 else 'not found'}: {share:.2f} of ControlNet's, from the same prior"


def time_matters(results: Path) -> str:
    """SatDiffMoE: the relative time difference conditions the images."""
    if not (results / "time.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "time.csv")
    return fusion_report.time_sentence(table, list(dict.fromkeys(table.metric))[-1])


def relative_time_enough(results: Path) -> str:
    """SatDiffMoE: no worse than the same network that is told place, resolution and both dates."""
    return _duels(results, "lpips:judge", "satdiffmoe", ("satdiffmoe_absolute",))


RULES: dict[str, Callable[[Path], str]] = {
    "metric_agreement": metric_agreement,
    "opposite_ranking": opposite_ranking,
    "sharper_than_regression": sharper_than_regression,
    "speed_ratio": speed_ratio,
    "buildings_kept": buildings_kept,
    "fusion_against_others": fusion_against_others,
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
