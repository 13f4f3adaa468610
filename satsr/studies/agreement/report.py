"""Tables and sentences of the agreement study."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_AVAILABLE, NOT_RUN
from satsr.studies.agreement.preference import MACRO, agreement_table

# Where preferences come from; it decides how far a verdict may go (`agreement_sentence`).
STAND_IN, PEOPLE = "stand-in", "people"
PLAIN = ("psnr", "ssim", "cpsnr")


def by_protocol(preferences: pd.DataFrame, settings: TableSettings, source: str) -> pd.DataFrame:
    """Return agreement with intervals, for every protocol, metric and kind.

    Args:
        preferences: metric, protocol, pair, kind, region and outcome.
        settings: of the bootstrap.
        source: who says which image is closer, a column of the table: `STAND_IN` or `PEOPLE`.
    """
    tables = [
        agreement_table(part, settings.level, settings.resamples, settings.seed).assign(protocol=protocol)
        for protocol, part in preferences.groupby("protocol", sort=False)
    ]
    return pd.concat(tables, ignore_index=True).assign(source=source)


def agreement_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per metric, best first, as text."""
    rows = table.sort_values("agreement", ascending=False, kind="stable")
    text = [f"{r.agreement:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in rows.itertuples()]
    columns = {"metric": rows.metric, "agreement": text, "pairs": rows.pairs, "regions": rows.regions}
    if "source" in rows:
        columns["preference from"] = rows.source
    return pd.DataFrame(columns).reset_index(drop=True)


def agreement_sentence(table: pd.DataFrame, judges: Mapping[str, str]) -> str:
    """Return what the table supports about the paper's finding 1: PSNR, SSIM and cPSNR agree least, CLIPScore most.

    Args:
        table: one protocol's rows of `by_protocol`.
        judges: kind -> network that judges.
    """
    macro = table[table.kind == MACRO]
    judge = macro[macro.metric == f"clipscore:{judges['clip']}"].iloc[0]
    best = macro[macro.metric.isin(PLAIN)].sort_values("agreement", ascending=False).iloc[0]
    relation = "above" if judge.agreement > best.agreement else "not above"
    verdict = "consistent with" if judge.low > best.high else "no support for"
    if table.source.iloc[0] == PEOPLE and verdict == "consistent with":
        verdict = "a reproduction of"
    return (
        f"CLIPScore by the judge ({judges['clip']}) agrees in {_share(judge)}, {relation} the best of PSNR, SSIM and "
        f"cPSNR ({best.metric}, {_share(best)}); {_overlap(judge, best)}. Labels: {table.source.iloc[0]}. This is "
        f"**{verdict}** the paper's finding that CLIPScore agrees far better."
    )


def beside_published(published: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's agreement of each metric beside this run's.

    Args:
        published: columns metric, model, agreement, words, source; an empty agreement is not known.
        table: one protocol's rows of `by_protocol`.
    """
    rows = table[table.kind == MACRO]
    ours = {row.metric: f"{_share(row)} ({row.source})" for _, row in rows.iterrows()}
    said = published.agreement.map(lambda v: "" if pd.isna(v) else f"{v:g} %")
    words = published.words.fillna("")
    both = published[["metric", "model"]].fillna("").copy()
    both["paper (people)"] = [s or (f"“{w}”" if w else NOT_AVAILABLE) for s, w in zip(said, words, strict=True)]
    both["this run"] = [ours.get(metric, NOT_RUN) for metric in published.metric]
    return both


def share_with_interval(table: pd.DataFrame, column: str, settings: TableSettings) -> str:
    """Return the share of rows for which a column holds, with its interval over regions, as text."""
    scores = table[["region"]].assign(seed=0, value=table[column].astype(float))
    found = mean_interval(scores, settings.level, settings.resamples, settings.seed)
    return f"{100 * found.mean:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def _overlap(a: pd.Series, b: pd.Series) -> str:
    if pd.isna([a.low, b.low]).any():
        return "one region gives no intervals"
    return f"their intervals {'do not overlap' if a.low > b.high or b.low > a.high else 'overlap'}"


def _share(row: pd.Series) -> str:
    return f"{100 * row.agreement:.0f} % [{100 * row.low:.0f}, {100 * row.high:.0f}]"
