"""Tables and sentences of the transfer study: accuracies with intervals, what is claimed, and what may be concluded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from satsr.evaluation.pooled import Asked, Pooled, claims_tested
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.studies.transfer.settings import TransferSettings

COLUMNS = ["encoder", "probe", "share", "labels", "accuracy", "low", "high", "images", "regions", "seeds"]
CLAIM_COLUMNS = ["better", "worse", "probe", "share", "difference", "low", "high", "p", "p_holm", "regions", "seeds"]
CLAIM_COLUMNS += ["verdict", "source"]
COUNTS = ("right", "number")
PAIRS = ("pairs", "shuffled pairs")


def accuracy_table(rows: pd.DataFrame, bootstrap: TableSettings) -> pd.DataFrame:
    """Return the accuracy of every encoder, way of learning and share, with its interval over regions, then seeds.

    Args:
        rows: from `transferred`.
        bootstrap: of the intervals; the same regions for every encoder.

    Returns:
        Columns `COLUMNS`; accuracies are shares of one.
    """
    found = []
    for (encoder, probe, share), own in rows.groupby(["encoder", "probe", "share"], sort=False):
        pooled = Pooled.of(own, COUNTS)
        numbers = pooled.value, *pooled.interval(bootstrap)
        sizes = own.tile.nunique(), pooled.regions, pooled.seeds
        found.append((encoder, probe, share, int(own.labels.iloc[0]), *numbers, *sizes))
    return pd.DataFrame(found, columns=COLUMNS)


def claims_table(rows: pd.DataFrame, settings: TransferSettings, bootstrap: TableSettings) -> pd.DataFrame:
    """Return what is claimed, tested at every share and by every way of learning; p is adjusted over all of them.

    Args:
        rows: from `transferred`.
        settings: of the study.
        bootstrap: of the intervals.

    Returns:
        Columns `CLAIM_COLUMNS`; a claim whose encoders were not both run has no row.
    """
    asked = []
    for claim in settings.claims:
        for (probe, share), own in rows.groupby(["probe", "share"], sort=False):
            if {claim.better, claim.worse} <= set(own.encoder):
                better, worse = (Pooled.of(own[own.encoder == name], COUNTS) for name in (claim.better, claim.worse))
                asked.append(Asked({**claim.model_dump(), "probe": probe, "share": share}, better, worse))
    return claims_tested(asked, CLAIM_COLUMNS, bootstrap)


def verdict_sentence(claims: pd.DataFrame, settings: TransferSettings) -> str:
    """Say whether representations of super-resolution help, as the paper says, by the rule of the main table.

    Only claims of the study's generators against the same with their first weights say that: what differs is the
    super-resolution alone. Those against pixels, and those of true against shuffled pairs, stand beside it as controls.

    Args:
        claims: from `claims_table`.
        settings: of the study.
    """
    weights = {name: encoder.weights for name, encoder in settings.encoders.items() if encoder.kind == "generator"}
    pixels = {name for name, encoder in settings.encoders.items() if encoder.kind == "pixels"}
    pairs = claims.better.map(weights).isin(PAIRS)
    own = claims[claims.better.map(weights).eq("study") & claims.worse.map(weights).eq("first")]
    control = claims[claims.better.map(weights).notna() & (claims.worse.isin(pixels) | pairs)]
    if own.empty:
        return NOT_RUN
    found = set(own.verdict)
    head = "reproduced in sign" if "a beats b" in found else "not shown"
    head = "not reproduced, it is the other way round" if found >= {"b beats a"} and "a beats b" not in found else head
    beside = f". As a control, {_outcomes(control)}" if len(control) else ""
    return f"{head}. {_outcomes(own)}{beside}"


def inputs_sentence(claims: pd.DataFrame, settings: TransferSettings) -> str:
    """Say whether outputs tell scenes better than LR does, where one CLIP is shown both, or pixels are taken of both.

    That HR tells them better than LR is the control: otherwise it cannot be decided.

    Args:
        claims: from `claims_table`.
        settings: of the study.
    """
    sees = {name: encoder.sees for name, encoder in settings.encoders.items()}
    of_lr = claims[claims.worse.map(sees).eq("LR")]
    outputs, hr = (of_lr[of_lr.better.map(sees).str.startswith(what)] for what in ("SR ", "HR"))
    if outputs.empty:
        return NOT_RUN
    if "a beats b" not in set(hr.verdict):
        head = "cannot be decided at this profile: HR itself is not shown to beat LR"
    elif "a beats b" in set(outputs.verdict):
        head = "not reproduced, outputs can beat LR"
    else:
        head = "reproduced: no output is shown to beat LR"
    return f"{head}. {_outcomes(pd.concat([outputs, hr]))}"


def _outcomes(claims: pd.DataFrame) -> str:
    said = []
    row: Any
    for row in claims.itertuples():
        words = {"a beats b": "helps", "b beats a": "harms"}.get(row.verdict, row.verdict)
        numbers = f"{100 * row.difference:+.1f} points [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"
        what = f"{row.better} against {row.worse}, {row.probe}, {row.share:.0%} of the labels"
        said.append(f"{what}: {words} ({numbers})")
    return "; ".join(said)


def table_as_text(table: pd.DataFrame, settings: TransferSettings) -> pd.DataFrame:
    """Return a row per encoder, run or not, and way of learning; a column per share of the labels, in per cent."""
    shares = {share: f"{share:.0%} of the labels" for share in settings.shares}
    cells = table.assign(
        cell=[_cell(*row) for row in zip(table.accuracy, table.low, table.high, strict=True)],
        of=table.share.map(shares),
    )
    wide = cells.pivot_table(index=["encoder", "probe"], columns="of", values="cell", aggfunc="first", sort=False)
    every = pd.MultiIndex.from_product([settings.encoders, settings.probes], names=["encoder", "probe"])
    wide = wide.reindex(index=every, columns=list(shares.values())).astype(object).fillna(NOT_RUN).reset_index()
    wide.insert(1, "what it is", [settings.encoders[name].means for name in wide.encoder])
    return wide.rename_axis(columns=None)


def claims_as_text(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the claims as text, one row each."""
    return pd.DataFrame(
        {
            "claim": claims.better + " before " + claims.worse,
            "probe": claims.probe,
            "labels": [f"{share:.0%}" for share in claims.share],
            "difference, points": [
                f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
                for value, low, high in zip(claims.difference, claims.low, claims.high, strict=True)
            ],
            "p (Holm)": [f"{p:.2g}" for p in claims.p_holm],
            "verdict": claims.verdict,
            "source": claims.source,
        }
    )


def _cell(value: float, low: float, high: float) -> str:
    interval = f" [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else ""
    return f"{100 * value:.1f} %{interval}"
