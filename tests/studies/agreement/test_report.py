"""Tables and sentences of the agreement study: what may be said, and beside which published words."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.settings import TableSettings
from satsr.studies.agreement.preference import MACRO, agreement_table
from satsr.studies.agreement.report import (
    NOT_AVAILABLE,
    NOT_RUN,
    PEOPLE,
    STAND_IN,
    agreement_as_text,
    agreement_sentence,
    beside_published,
    by_protocol,
    share_with_interval,
)
from tests.conftest import ROOT

SETTINGS = TableSettings(resamples=200)
JUDGES = {"clip": "vit8", "trunk": "alex"}
Ends = tuple[float, float, float]


def answers(outcomes: dict[str, list[float]], protocol: str) -> pd.DataFrame:
    """Outcomes of metrics on pairs of two kinds, two pairs to a region."""
    return pd.DataFrame(
        {
            "metric": metric,
            "protocol": protocol,
            "pair": str(n),
            "kind": "ab"[n % 2],
            "region": n // 2,
            "outcome": value,
        }
        for metric, values in outcomes.items()
        for n, value in enumerate(values)
    )


def macro_rows(agreement: dict[str, Ends], source: str = STAND_IN) -> pd.DataFrame:
    """Rows as of `by_protocol`: agreement, low and high of each metric, and a kind that must not be read."""
    rows = [
        {"metric": metric, "kind": kind, "agreement": mean, "low": low, "high": high, "pairs": 60, "regions": 5}
        for metric, ends in agreement.items()
        for kind, (mean, low, high) in (("blur", (0.5, 0.0, 1.0)), (MACRO, ends))
    ]
    return pd.DataFrame(rows).assign(protocol="corrected", source=source)


# Tables


def test_every_protocol_has_its_own_agreement() -> None:
    published, corrected = answers({"psnr": [0, 1, 0, 1]}, "published"), answers({"psnr": [1, 1, 0.5, 1]}, "corrected")
    found = by_protocol(pd.concat([published, corrected]), SETTINGS, STAND_IN)
    for name, part in (("published", published), ("corrected", corrected)):
        rows = found[found.protocol == name].drop(columns=["protocol", "source"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, agreement_table(part, resamples=200))
    assert found.agreement.tolist() == [0, 1, 0.5, 0.75, 1, 0.875]
    assert set(found.source) == {STAND_IN}


def test_the_best_metric_is_shown_first() -> None:
    table = macro_rows({"psnr": (0.5, 0.25, 0.75), "ssim": (0.9, 0.8, 1.0), "mae": (0.5, 0.4, 0.6)})
    found = agreement_as_text(table[table.kind == MACRO])
    assert found.metric.tolist() == ["ssim", "psnr", "mae"]
    assert found.agreement.tolist() == ["0.900 [0.800, 1.000]", "0.500 [0.250, 0.750]", "0.500 [0.400, 0.600]"]
    assert set(found["preference from"]) == {STAND_IN}
    assert "preference from" not in agreement_as_text(table.drop(columns="source"))


def test_a_share_has_the_interval_of_its_regions() -> None:
    table = pd.DataFrame({"region": [0, 0, 1, 1, 2, 2], "opposite": [True, True, True, False, False, False]})
    found = mean_interval(
        pd.DataFrame({"region": table.region, "seed": 0, "value": [1.0, 1, 1, 0, 0, 0]}), resamples=200
    )
    assert share_with_interval(table, "opposite", SETTINGS) == f"50 % [{100 * found.low:.0f}, {100 * found.high:.0f}]"


# The sentence

FAR, NEAR, BELOW = (0.9, 0.85, 0.95), (0.7, 0.55, 0.8), (0.2, 0.1, 0.3)


@pytest.mark.parametrize(
    ("judge", "source", "expected"),
    [
        (FAR, STAND_IN, ["above the best", "do not overlap", "**consistent with** the paper", "Labels: stand-in."]),
        (NEAR, STAND_IN, [", above the best", "their intervals overlap", "**no support for** the paper"]),
        (BELOW, STAND_IN, ["not above the best", "do not overlap", "**no support for** the paper"]),
        (FAR, PEOPLE, ["above the best", "do not overlap", "**a reproduction of** the paper", "Labels: people."]),
        (NEAR, PEOPLE, ["their intervals overlap", "**no support for** the paper"]),
        ((0.9, math.nan, math.nan), STAND_IN, ["above", "one region gives no intervals", "**no support for**"]),
    ],
    ids=["consistent", "overlapping", "below", "people", "people overlapping", "one region"],
)
def test_the_sentence_follows_intervals_and_labels(judge: Ends, source: str, expected: list[str]) -> None:
    plain = {"psnr": (0.4, 0.3, 0.5), "ssim": (0.6, 0.5, 0.7), "cpsnr": (0.5, 0.4, 0.6)}
    others = {"lpips:alex": (0.99, 0.98, 1.0), "clipscore:vit16": (0.1, 0.0, 0.2)}
    said = agreement_sentence(macro_rows({**plain, **others, "clipscore:vit8": judge}, source), JUDGES)
    assert "(ssim, 60 % [50, 70])" in said
    assert f"CLIPScore by the judge (vit8) agrees in {100 * judge[0]:.0f} %" in said
    for words in expected:
        assert words in said


# Beside the paper


def test_only_one_published_number_is_known() -> None:
    published = pd.read_csv(ROOT / "book" / "published" / "figure3.csv")
    assert published.agreement.dropna().tolist() == [84.6]
    assert published.metric.is_unique
    quoted = published.set_index("metric").words.dropna()
    assert quoted.to_dict() == dict.fromkeys(("psnr", "ssim", "cpsnr"), "very low")
    assert published.source.str.contains("2311.18082").all()


def test_published_agreement_stands_beside_this_run() -> None:
    published = pd.read_csv(ROOT / "book" / "published" / "figure3.csv")
    best = published[published.agreement.notna()].metric.item()
    found = beside_published(published, macro_rows({"psnr": (0.5, 0.25, 0.75), best: (0.8, 0.7, 0.9)}))
    rows = found.set_index("metric")
    assert rows.index.tolist() == published.metric.tolist()
    assert rows.loc[best, ["paper (people)", "this run"]].tolist() == ["84.6 %", "80 % [70, 90] (stand-in)"]
    assert rows.loc["psnr", ["paper (people)", "this run"]].tolist() == ["“very low”", "50 % [25, 75] (stand-in)"]
    assert rows.loc["lpips:alex", ["paper (people)", "this run"]].tolist() == [NOT_AVAILABLE, NOT_RUN]
    assert not found.isna().any(axis=None)
