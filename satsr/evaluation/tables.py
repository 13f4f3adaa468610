"""The study's tables: one row per cell, with its interval, beside what was published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from satsr.common.digests import text_digest
from satsr.evaluation.intervals import ONE_SEED, mean_interval
from satsr.evaluation.settings import TableSettings

NOT_AVAILABLE, NOT_RUN = "not available", "not run in this profile"
FLATTERED = "its network sat in the method's loss"
RESIZED = "the network enlarges by more; its output is made smaller, antialiased"
REPEATED = "one band, repeated three times for a metric of color"
UNDATED = "the dates are not known, so a method that is told of time is told nothing"
MARKS = {FLATTERED: "†", RESIZED: "‡", REPEATED: "§", UNDATED: "¶"}
CELL = ["method", "metric", "protocol"]


def read_scores(folder: Path, methods: tuple[str, ...]) -> pd.DataFrame:
    """Read the scores of exactly these methods, one Parquet file each, with a column `method`.

    Raises:
        FileNotFoundError: a method has no scores.
    """
    tables = []
    for method in methods:
        path = folder / f"{method}.parquet"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: run the evaluate stage (dvc repro evaluate)")
        tables.append(pd.read_parquet(path).assign(method=method))
    return pd.concat(tables, ignore_index=True)


def main_table(
    scores: pd.DataFrame,
    settings: TableSettings,
    dataset: str,
    profile: str,
    notes: Callable[[str, str], Sequence[str]] = lambda method, metric: (),
) -> pd.DataFrame:
    """Return mean and interval of every method, metric and protocol.

    Args:
        scores: from `read_scores`.
        settings: level and resamples of the bootstrap over regions, then seeds.
        dataset: name of the data, a column of the table.
        profile: name of the run, a column of the table, so that a small run never looks like the paper's.
        notes: what else has to be said of a method's cells in a metric.

    Returns:
        Columns method, dataset, metric, protocol, mean, low, high, images, regions, seeds, clipped_share, note,
        profile; methods in the order of `scores`.
    """
    rows = []
    for (method, metric, protocol), cell in scores.groupby(CELL, sort=False):
        found = mean_interval(cell, settings.level, settings.resamples, settings.seed)
        flattered = [FLATTERED] if cell.flattered.any() else []
        rows.append(
            {
                "method": method,
                "dataset": dataset,
                "metric": metric,
                "protocol": protocol,
                "mean": found.mean,
                "low": found.low,
                "high": found.high,
                "images": found.n_images,
                "regions": found.n_regions,
                "seeds": found.n_seeds,
                "clipped_share": cell.clipped_share.mean(),
                "note": "; ".join(filter(None, [found.note, *flattered, *notes(str(method), str(metric))])),
                "profile": profile,
            }
        )
    return pd.DataFrame(rows)


def scores_as_text(table: pd.DataFrame, protocol: str, digits: dict[str, int]) -> pd.DataFrame:
    """Return one protocol's cells as text, `mean [low, high]`: one row per method, one column per metric."""
    part = table[table.protocol == protocol]
    texts = part.assign(text=cells(part, digits) + marks(part))
    wide = texts.pivot(index="method", columns="metric", values="text")
    return wide.loc[list(dict.fromkeys(part.method)), list(dict.fromkeys(part.metric))]


def marks(table: pd.DataFrame) -> pd.Series:
    """Return the signs that stand behind each row's value for what its note says."""
    notes = table.note.fillna("")
    found = [[sign for said, sign in MARKS.items() if said in note] for note in notes]
    return pd.Series([f" {''.join(signs)}" if signs else "" for signs in found], index=table.index, dtype=str)


def legend(table: pd.DataFrame) -> str:
    """Return what the signs of a table mean, and whether its intervals are over images only."""
    notes = "; ".join(table.note.fillna("").unique())
    said = [f"{sign} {what}." for what, sign in MARKS.items() if what in notes]
    once = list(dict.fromkeys(table[table.note.str.contains(ONE_SEED, na=False)].method))
    if once:
        of = "Intervals" if set(once) == set(table.method) else f"Intervals of {', '.join(once)}"
        said.append(f"{of} are over images only: one training seed.")
    return " ".join(said)


def with_set_distances(
    main: pd.DataFrame, distances: pd.DataFrame, methods: list[str], digits: dict[str, int]
) -> pd.DataFrame:
    """Return scores of images beside those of whole sets: one row per method, one column per metric.

    Args:
        main: from `main_table`; its corrected protocol is shown, as `mean [low, high]`.
        distances: columns method, metric, value, a row per seed; their mean is shown.
        methods: rows, in this order; one without scores says so.
        digits: decimals of the metrics of `main`.
    """
    images = scores_as_text(main, "corrected", digits)
    whole = distances.pivot_table(index="method", columns="metric", values="value").map("{:.4g}".format)
    both = images.join(whole.rename(columns=str.upper), how="outer").reindex(methods).fillna(NOT_RUN)
    return both.rename_axis("method").reset_index().rename_axis(columns=None)


def beside_published(table: pd.DataFrame, published: pd.DataFrame, digits: dict[str, int]) -> pd.DataFrame:
    """Return the published value of each cell beside this study's.

    Args:
        table: from `main_table`.
        published: columns method, dataset, metric, value; an empty value is not known.
        digits: decimals per metric.

    Returns:
        Columns method, metric, published, this run; rows that only one side has are there too.
    """
    ours = table[table.protocol == "published"].assign(ours=lambda t: cells(t, digits))
    names = ours.metric.str.partition(":")  # `lpips:judge` stands beside the paper's LPIPS, with its network's name
    ours["metric"], ours["ours"] = names[0], ours.ours + names[2].map(lambda n: f" ({n})" if n else "")
    both = published.merge(ours[["method", "metric", "ours"]], on=["method", "metric"], how="outer", sort=False)
    both["published"] = both["value"].map(lambda v: NOT_AVAILABLE if pd.isna(v) else f"{v:g}")
    both["this run"] = both["ours"].fillna(NOT_RUN)
    order = {name: i for i, name in enumerate(dict.fromkeys([*table.method, *published.method]))}
    both = both.sort_values("method", key=lambda m: m.map(order), kind="stable")
    return both[["method", "metric", "published", "this run"]].reset_index(drop=True)


def tabs(tables: Mapping[str, pd.DataFrame]) -> HTML:
    """Return tables one click apart; the first is shown. Works in JupyterLab and in the book, without a script."""
    texts = {escape(name): _html(table) for name, table in tables.items()}
    group = text_digest(str(texts))[:8]
    heads, bodies, rules = [], [], []
    for number, (name, text) in enumerate(texts.items()):
        here = f"tab-{group}-{number}"
        checked = " checked" if number == 0 else ""
        heads.append(f'<input type="radio" name="tab-{group}" id="{here}"{checked}><label for="{here}">{name}</label>')
        bodies.append(f'<div class="{here}">{text}</div>')
        rules.append(f".tabs:has(#{here}:checked) .{here} {{display: block}}")
        rules.append(f"#{here}:checked + label {{font-weight: bold; text-decoration: underline}}")
    style = f"<style>.tabs > div {{display: none}} .tabs label {{margin: 0 1.2em 0 .3em}} {' '.join(rules)}</style>"
    return HTML(f'{style}<div class="tabs">{"".join(heads)}{"".join(bodies)}</div>')


def _html(table: pd.DataFrame) -> str:
    return table.to_html(border=0, index=not isinstance(table.index, pd.RangeIndex))


def best_median_worst(scores: pd.DataFrame, method: str, metric: str) -> dict[str, str]:
    """Return the tiles on which a method scores best, median and worst (corrected protocol, mean of seeds)."""
    part = scores[(scores.method == method) & (scores.metric == metric) & (scores.protocol == "corrected")]
    ranked = part.groupby("tile").value.mean().sort_index().sort_values(ascending=False, kind="stable").index
    return {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}


def cells(table: pd.DataFrame, digits: dict[str, int]) -> pd.Series:
    """Return each row as text, `mean [low, high]`."""
    values = table[["mean", "low", "high"]].to_numpy()
    places = [digits[str(metric)] for metric in table.metric]
    text = [f"{m:.{d}f} [{low:.{d}f}, {high:.{d}f}]" for (m, low, high), d in zip(values, places, strict=True)]
    return pd.Series(text, index=table.index, dtype=str)


def beside_main(main: pd.DataFrame, metric: str, protocol: str, digits: int) -> pd.DataFrame:
    """Return one metric of every method on every data set: a row per method, a column per data set, signs as notes.

    Args:
        main: rows of `main_table` of several data sets.
        metric: one of them.
        protocol: `corrected` or `published`.
        digits: decimals.
    """
    part = main[(main.metric == metric) & (main.protocol == protocol)]
    texts = part.assign(cell=cells(part, {metric: digits}) + marks(part))
    wide = texts.pivot_table(index="method", columns="dataset", values="cell", aggfunc="first", sort=False)
    every = wide.reindex(columns=list(dict.fromkeys(main.dataset))).astype(object)
    return every.fillna(NOT_RUN).rename_axis(columns=None)


def same_order(main: pd.DataFrame) -> pd.DataFrame:
    """Return Kendall's rank correlation of the methods' corrected means between the first data set and each other one.

    Returns:
        A row per metric, a column per other data set; NaN with fewer than three methods in common.
    """
    first, *others = dict.fromkeys(main.dataset)
    corrected = main[main.protocol == "corrected"]
    rows = {}
    for metric, part in corrected.groupby("metric", sort=False):
        wide = part.pivot(index="method", columns="dataset", values="mean")
        if first in wide:
            rows[metric] = wide.corr("kendall", min_periods=3)[first].reindex(others)
    return pd.DataFrame(rows).T


def markdown(rows: pd.DataFrame) -> str:
    """Return a table in Markdown; pipes inside cells are escaped."""
    lines = [list(map(str, rows.columns)), ["---"] * rows.shape[1], *rows.map(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
