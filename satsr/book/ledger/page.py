"""The first page: sentences by rule, a figure, and a row for each claim with a word that its tooltip explains."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import get_args

import pandas as pd

from satsr.book.ledger.evidence import MAIN_DATA
from satsr.book.ledger.table import Claim, Ledger, Verdict
from satsr.book.ledger.words import MEANS, Word
from satsr.book.reference import best, provenance_of
from satsr.evaluation.tables import markdown

THIS, REFERENCE = "this run", "reference run"
TABLES = "tables"  # folder of the built book that holds the rows
REAL_PAIRS = "studies/real/real_pairs.csv"
Runs = Mapping[str, Path]


def read_ledger(root: Path, here: Path) -> Ledger:
    """Judge every claim by the best reference run, where there is another, and by this one.

    Args:
        root: of the project.
        here: results of this run.
    """
    reference = best(root)
    first = {} if reference is None or reference == here else {REFERENCE: reference}
    return Ledger.of(root, {**first, THIS: here})


def ledger_page(ledger: Ledger, real: Path) -> str:
    """Return the ledger in Markdown and HTML.

    Args:
        ledger: of the project.
        real: results of the run on real images.
    """
    said = "\n".join(f"- {sentence}" for sentence in sentences(ledger.runs, real))
    figure = "\n".join(["```{figure} ../_generated/gains.svg", f":alt: {FIGURE_ALT}", "", FIGURE_SAYS, "```"])
    legend = " ".join(_badge(one) for one in get_args(Word))
    note = f"Hold the pointer on a word to see its rule, the same for all claims: {legend}"
    runs = ledger.runs.items()
    where = [f"*{name}*: {provenance_of(path, 'main_table')}" for name, path in runs if name == REFERENCE]
    return "\n\n".join([said, figure, note, _table(ledger), *where]) + "\n"


FIGURE_SAYS = (
    "What each method gains over bicubic enlargement on the embedded world's test regions, with intervals; to the "
    "right is better. PSNR sees the tone of the aerial camera, cPSNR takes a difference in brightness away first."
)
FIGURE_ALT = (
    "Three panels, PSNR, cPSNR and CLIPScore: a point with an interval for every method, and a line at bicubic."
)


def sentences(runs: Runs, real: Path) -> list[str]:
    """Answer in a few sentences what super-resolution gives; each is computed, and left out where nothing was run."""
    found = []
    for name, results in runs.items():
        if said := _fidelity(results):
            found.append(f"**Fidelity** ({name}): {said}")
            break
    for title, say in (("Truth", _truth), ("Use", _use)):
        for name, results in reversed(list(runs.items())):
            if said := say(results):
                found.append(f"**{title}** ({name}): {said}")
                break
    return [*found, *([f"**Real pixels**: {said}"] if (said := _real(real)) else [])]


def gains(results: Path) -> pd.DataFrame:
    """Return what each method gains over bicubic: metric, method, mean, low, high; more is better."""
    path = results / MAIN_DATA / "comparisons.csv"
    if not path.is_file():
        return pd.DataFrame(columns=["metric", "method", "mean", "low", "high"])
    table = pd.read_csv(path)
    table = table[(table.protocol == "corrected") & table.difference.notna()]
    rows = []
    for row in table[(table.a == "bicubic") | (table.b == "bicubic")].to_dict("records"):
        if row["metric"] not in ("psnr", "cpsnr", "clipscore:judge"):
            continue
        method, sign = (row["b"], -1) if row["a"] == "bicubic" else (row["a"], 1)
        low, high = sorted((sign * row["low"], sign * row["high"]))
        rows.append((row["metric"], method, sign * row["difference"], low, high))
    return pd.DataFrame(rows, columns=["metric", "method", "mean", "low", "high"])


def _fidelity(results: Path) -> str:
    table = gains(results)
    of = {metric: own["mean"] for metric, own in table.groupby("metric")}
    if not {"psnr", "cpsnr"} <= of.keys():
        return ""
    psnr, cpsnr = (f"{of[name].min():+.1f} to {of[name].max():+.1f} dB" for name in ("psnr", "cpsnr"))
    tone = 1 - of["cpsnr"].median() / of["psnr"].median()
    share = f"; of the median gain {100 * tone:.0f} % is only tone" if 0 < tone <= 1 else ""
    return f"against bicubic the networks change PSNR by {psnr}, but cPSNR, which takes tone away, by {cpsnr}{share}."


def _truth(results: Path) -> str:
    path = results / "studies/hallucination/methods.csv"
    if not path.is_file():
        return ""
    table = pd.read_csv(path)
    rows = table[(table.kind == "buildings") & table.method.isin(("esrgan", "HR"))].set_index("method")
    if not {"esrgan", "HR"} <= set(rows.index):
        return ""
    own, floor = rows.loc["esrgan"], rows.loc["HR"]
    return (
        f"of the buildings that a counter finds in ESRGAN's outputs {100 * own.share:.0f} % "
        f"[{100 * own.low:.0f}, {100 * own.high:.0f}] were never there; in true images it is wrong about "
        f"{100 * floor.share:.0f} %."
    )


def _use(results: Path) -> str:
    path = results / "studies/downstream/claims.csv"
    if not path.is_file():
        return ""
    table = pd.read_csv(path)
    rows = table[table.source.str.contains("finding 7", na=False)]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    helps = "helps" if row.low > 0 else "hurts" if row.high < 0 else "is not shown to help"
    return (
        f"to give another network an output ({row.better.removeprefix('SR ')}) instead of the input {helps} "
        f"({row.task}: {row.difference:+.3f} {row.metric} [{row.low:+.3f}, {row.high:+.3f}])."
    )


def _real(results: Path) -> str:
    path = results / REAL_PAIRS
    if not path.is_file():
        return ""
    table = pd.read_csv(path)
    table = table[(table.protocol == "corrected") & (table.model != "bicubic")]
    gains_of = table.groupby("model").gain_dB
    below = gains_of.mean()[gains_of.max() < 0]
    by = f", on average by {-below.max():.1f} to {-below.min():.1f} dB" if len(below) else ""
    return (
        f"on real pairs ({table['set'].nunique()} sets, cPSNR) {len(below)} of {len(gains_of)} trained networks are "
        f"below bicubic on every set{by} ([all numbers](real.md))."
    )


def limits(results: Path) -> str:
    """Return what every method invents and loses, as a table in Markdown."""
    path = results / "studies/hallucination/methods.csv"
    if not path.is_file():
        return "Not run in this profile.\n"
    table = pd.read_csv(path)
    table = table[(table.kind == "buildings") & table.judges.astype(bool)]
    buildings = results / "studies/buildings/buildings.csv"
    kept = pd.read_csv(buildings) if buildings.is_file() else pd.DataFrame(columns=["decides", "share", "method"])
    kept = kept[kept.decides.astype(bool) & (kept.share == "kept")].set_index("method")
    rows = [
        {
            "what is looked at": row["method"],
            "of its buildings, never there (%)": _percent(row["share"], row["low"], row["high"]),
            "of those found in the true image, kept (%)": _percent(*kept.loc[row["method"], ["value", "low", "high"]])
            if row["method"] in kept.index
            else "",
        }
        for row in table.to_dict("records")
    ]
    return (markdown(pd.DataFrame(rows)) if rows else "The counter finds too little to judge in this profile.") + "\n"


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.0f}" + (f" [{100 * low:.0f}, {100 * high:.0f}]" if low == low else "")


def _table(ledger: Ledger) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in ("claim", "published", *ledger.runs, "more"))
    rows = "\n".join(_row(claim, found, ledger.runs) for claim, found in ledger.rows)
    return f'<table class="ledger"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>'


def _row(claim: Claim, found: Mapping[str, Verdict], runs: Runs) -> str:
    page = f"../{claim.page}.html"
    cells = [
        f'<td data-of="claim"><a href="{page}">{escape(claim.claim)}</a><br><small>{escape(claim.source)}</small></td>',
        f'<td data-of="published">{escape(claim.published)}</td>',
    ]
    cells += [f'<td data-of="{escape(name)}">{_cell(one, claim)}</td>' for name, one in found.items()]
    links = [f'<a href="../_sources/{claim.page}.ipynb" download>notebook</a>']
    links += [f'<a href="../{href}">rows, {name}</a>' for name, href, _ in _rows_of(claim, runs)]
    cells.append(f'<td data-of="more"><small>{"<br>".join(links)}</small></td>')
    return f"<tr>{''.join(cells)}</tr>"


def _rows_of(claim: Claim, runs: Runs) -> list[tuple[str, str, Path]]:
    """Return the tables that decide a claim: run, place below the built book, and file."""
    there = [(name, path, path / claim.table) for name, path in runs.items() if claim.table]
    return [(name, f"{TABLES}/{path.name}/{claim.table}", file) for name, path, file in there if file.is_file()]


def _cell(found: Verdict, claim: Claim) -> str:
    why = f"<br><small>{escape(claim.status)}</small>" if claim.status else ""
    numbers = "<br>".join(map(escape, found.lines()))
    return f"{_badge(found.word)}{why}" + (f"<br><small>{numbers}</small>" if numbers else "")


def _badge(word: Word) -> str:
    name = word.replace(" ", "-")
    return f'<span class="verdict {name}" title="{escape(MEANS[word])}" tabindex="0">{word}</span>'


def lines_of(ledger: Ledger, page: str) -> list[str]:
    """Return what the ledger says of the claims that a page answers, a line of Markdown for each.

    Args:
        ledger: of the project.
        page: of the book, without suffix.
    """
    lines = []
    for claim, found in ledger.rows:
        if claim.page == page and claim.rule:
            said = " ".join(_line(name, one) for name, one in found.items())
            lines.append(f"**{claim.claim}** ({claim.source}; published: {claim.published}). {said}")
    return lines


def _line(name: str, found: Verdict) -> str:
    text = "; ".join(found.lines())
    return f"*{name}*: {_badge(found.word)}{f' {text}' if text else ''}."


def tables_to_copy(ledger: Ledger) -> dict[str, Path]:
    """Return the rows that the ledger links to: place below the built book -> file."""
    return {href: file for claim, _ in ledger.rows for _, href, file in _rows_of(claim, ledger.runs)}
