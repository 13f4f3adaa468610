"""Tables and sentences of which metric predicts use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from satsr.evaluation.pooled import Pooled
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.metrics.facts import find_metric
from satsr.studies.downstream.ranking.measured import HR, Measured
from satsr.studies.downstream.ranking.settings import RankingSettings
from satsr.studies.downstream.ranking.taus import Ranks, Tau, tau_of
from satsr.studies.downstream.tasks import TASKS, f1

FOUND, LEARNED = "found by a counter of HR", "a network that learns on it"
SYSTEMS = ["system", "family", "learned", "what", "value", "low", "high"]
TAUS = ["use", "metric", "systems", "families", "tau", "low", "high", "across", "across_low", "across_high"]
TAUS += ["of_learned", "learned_low", "learned_high", "learned_systems", "verdict"]
PREDICTS, MISLEADS, NOT_SHOWN = "predicts", "misleads", "not shown"
TOO_FEW = "cannot be decided at this profile"
COUNTED = ("right", "counted", "known")

Scores = dict[str, dict[str, Pooled]]  # what, a metric or a use -> system -> score


def scores_of(measured: Measured, settings: RankingSettings) -> Scores:
    """Return every metric, and every use, of every system, from the same regions: what -> system -> score."""
    found: Scores = {}
    for name, rows in measured.values.groupby("metric", sort=False) if len(measured.values) else ():
        found[str(name)] = {
            str(s): Pooled.of(own, ("value", "number")) for s, own in rows.groupby("system", sort=False)
        }
    of_use = measured.found[measured.found.system != HR]
    found[FOUND] = {str(s): Pooled.of(own, COUNTED, f1) for s, own in of_use.groupby("system", sort=False)}
    if len(measured.learned) and settings.learned is not None:
        metric = TASKS[settings.learned.task].metrics[0]
        groups = measured.learned.groupby("system", sort=False)
        found[LEARNED] = {str(s): Pooled.of(own, metric.columns, metric.score) for s, own in groups}
    return found


def better(what: str, settings: RankingSettings) -> int:
    """Return 1 where a higher value is better, else -1."""
    if what == LEARNED and settings.learned is not None:
        return 1 if TASKS[settings.learned.task].metrics[0].better == "higher" else -1
    return 1 if what == FOUND or find_metric(what).better == "higher" else -1


def of_counter(measured: Measured) -> pd.DataFrame:
    """Return what the counter finds, as `satsr.training.counting.quality` takes it."""
    return measured.found.rename(columns={"system": "method"})


def systems_table(measured: Measured, scores: Scores, bootstrap: TableSettings) -> pd.DataFrame:
    """Return every score of every system with its interval over regions: columns `SYSTEMS`.

    Args:
        measured: tells families.
        scores: from `scores_of`.
        bootstrap: of the intervals.
    """
    facts = measured.found.drop_duplicates("system").set_index("system")
    rows = []
    for what, of in scores.items():
        for system, pooled in of.items():
            own = facts.loc[system]
            rows.append((system, own.family, bool(own.learned), what, pooled.value, *pooled.interval(bootstrap)))
    return pd.DataFrame(rows, columns=SYSTEMS)


def taus_table(
    measured: Measured, scores: Scores, settings: RankingSettings, bootstrap: TableSettings, able: bool
) -> pd.DataFrame:
    """Return, for every use and metric, whether the metric orders systems as the use does.

    Args:
        measured: tells families.
        scores: from `scores_of`.
        settings: of the study.
        bootstrap: of the intervals: families of systems are drawn as blocks, and regions.
        able: whether the counter can judge; if not, nothing is concluded from what it finds.

    Returns:
        Columns `TAUS`: tau over all pairs of systems decides; across counts pairs of different families alone;
        of_learned is over trained systems alone, and without an interval where they are of one family.
    """
    if measured.values.empty:
        return pd.DataFrame(columns=TAUS)
    names = list(scores[FOUND])
    facts = measured.found.drop_duplicates("system").set_index("system").loc[names]
    families, learned = pd.factorize(facts.family)[0].astype(np.int64), facts.learned.to_numpy(bool)
    ranks = {what: _ranks([of[n] for n in names], better(what, settings), bootstrap) for what, of in scores.items()}
    rows = []
    for use in (what for what in (FOUND, LEARNED) if what in ranks):
        for metric in settings.metrics:
            pair = ranks[metric], ranks[use]
            every, across = (tau_of(*pair, families, bootstrap, across=only) for only in (False, True))
            trained = [Ranks(one.value[learned], one.drawn[:, learned]) for one in pair]
            own = tau_of(trained[0], trained[1], pd.factorize(families[learned])[0].astype(np.int64), bootstrap)
            taus = [number for tau in (every, across, own) for number in (tau.value, tau.low, tau.high)]
            said = TOO_FEW if use == FOUND and not able else _verdict(every, len(names), settings)
            rows.append((use, metric, len(names), int(families.max()) + 1, *taus, int(learned.sum()), said))
    return pd.DataFrame(rows, columns=TAUS)


def verdict_sentence(taus: pd.DataFrame) -> str:
    """Say which metrics predict use, by rule: the interval of tau lies above zero, or below it."""
    if taus.empty:
        return NOT_RUN
    said = []
    for use, own in taus.groupby("use", sort=False):
        if own.verdict.eq(TOO_FEW).any():
            said.append(f"{use}: {TOO_FEW}")
            continue
        words = []
        for word in (PREDICTS, MISLEADS, NOT_SHOWN):
            of = own[own.verdict == word].sort_values("tau", ascending=False)
            if len(of):
                words.append(f"{word}: {', '.join(_named(row) for row in of.itertuples())}")
        said.append(f"{use}: {'; '.join(words)}")
    return ". ".join(said)


def agreement_of(agreement: pd.DataFrame, judge: str, metrics: tuple[str, ...]) -> dict[str, float]:
    """Return how often metrics agree with the stand-in for people; shares of one.

    Args:
        agreement: rows of the agreement study that say it of all faults together: metric, protocol, agreement.
        judge: the CLIP that stands for `judge` in the name of a metric.
        metrics: as in settings.
    """
    own = agreement[agreement.protocol.eq("corrected")].set_index("metric").agreement
    named = {metric: metric.replace("clipscore:judge", f"clipscore:{judge}") for metric in metrics}
    return {metric: float(own[full]) for metric, full in named.items() if full in own.index}


def taus_as_text(taus: pd.DataFrame, agreement: Mapping[str, float]) -> pd.DataFrame:
    """Return a row per use and metric, with how often the metric agrees with the stand-in for people."""
    rows = []
    row: Any
    for row in taus.itertuples():
        agrees = f"{100 * agreement[row.metric]:.1f} %" if row.metric in agreement else "not asked"
        rows.append(
            {
                "use": row.use,
                "metric": row.metric,
                "tau, all pairs": _text(row.tau, row.low, row.high),
                "tau, pairs of two families": _text(row.across, row.across_low, row.across_high),
                "tau, trained systems": _text(row.of_learned, row.learned_low, row.learned_high),
                "agrees with the stand-in": agrees,
                "verdict": row.verdict,
            }
        )
    return pd.DataFrame(rows)


def systems_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per system, a column per metric and use."""
    wide = table.pivot_table(index=["family", "system"], columns="what", values="value", sort=False)
    return wide.reset_index().rename_axis(columns=None)


def _ranks(scores: list[Pooled], sign: int, bootstrap: TableSettings) -> Ranks:
    value = np.array([pooled.value for pooled in scores])
    return Ranks(sign * value, sign * np.stack([pooled.drawn(bootstrap) for pooled in scores], axis=1))


def _verdict(tau: Tau, systems: int, settings: RankingSettings) -> str:
    if systems < settings.least_systems or not np.isfinite(tau.low):
        return TOO_FEW
    if tau.low > 0:
        return PREDICTS
    return MISLEADS if tau.high < 0 else NOT_SHOWN


def _named(row: Any) -> str:
    return f"{row.metric} ({_text(row.tau, row.low, row.high)})"


def _text(value: float, low: float = np.nan, high: float = np.nan) -> str:
    if not np.isfinite(value):
        return "nothing to order"
    return f"{value:+.2f}" + (f" [{low:+.2f}, {high:+.2f}]" if np.isfinite(low) else "")
