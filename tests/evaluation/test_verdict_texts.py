"""In which words differences are told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satsr.evaluation.tables import NOT_RUN
from satsr.evaluation.verdict_texts import claims_as_text, comparisons_as_text, sentences
from satsr.evaluation.verdicts import COLUMNS, EXPLORATORY


def row(verdict: str, **changes: object) -> pd.DataFrame:
    values = ["cpsnr", "corrected", "bicubic", "esrgan", -0.4, -0.61, -0.2, 0.01, 0.02, -0.31, 32, 8, 3]
    values += [0.123, 0.04, "a paper", verdict]
    return pd.DataFrame([{**dict(zip(COLUMNS, values, strict=True)), **changes}])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            row("b beats a"),
            "esrgan beats bicubic in cpsnr (corrected): +0.40 dB [0.20, 0.61], p = 0.02 (Holm), Cliff's delta 0.31.",
        ),
        (
            row("a beats b", p_holm=0.0001, cliffs_delta=0.31),
            "bicubic beats esrgan in cpsnr (corrected): -0.40 dB [-0.61, -0.20], p < 0.001 (Holm), Cliff's delta 0.31.",
        ),
        (
            row("one seed: not said", smallest=np.nan),
            "bicubic against esrgan in cpsnr (corrected): one training seed, nothing is said "
            "(-0.40 dB [-0.61, -0.20], p = 0.02 (Holm), Cliff's delta -0.31).",
        ),
        (
            row("not shown", high=0.1),
            "bicubic against esrgan in cpsnr (corrected): no difference shown "
            "(-0.40 dB [-0.61, 0.10], p = 0.02 (Holm), Cliff's delta -0.31); 0.12 dB would be, in four of five such "
            "runs.",
        ),
        (
            row("not shown", low=np.nan, high=np.nan, p=np.nan, p_holm=np.nan, smallest=np.nan),
            "bicubic against esrgan in cpsnr (corrected): no difference shown "
            "(-0.40 dB, one region: neither interval nor test).",
        ),
        (
            row("not shown", smallest=np.inf),
            "bicubic against esrgan in cpsnr (corrected): no difference shown "
            "(-0.40 dB [-0.61, -0.20], p = 0.02 (Holm), Cliff's delta -0.31); with so few regions none can be.",
        ),
        (
            row(EXPLORATORY, p_holm=np.nan, smallest=np.nan),
            "bicubic against esrgan in cpsnr (corrected): not claimed beforehand, nothing is said "
            "(-0.40 dB [-0.61, -0.20], p = 0.01 (not adjusted), Cliff's delta -0.31).",
        ),
        (row(NOT_RUN, p=np.nan), f"bicubic against esrgan in cpsnr (corrected): {NOT_RUN}."),
    ],
)
def test_a_sentence_says_the_verdict(table: pd.DataFrame, expected: str) -> None:
    assert sentences(table, "cpsnr", "corrected", "dB") == expected


def test_the_table_of_claims_names_the_better_method_and_what_could_be_shown() -> None:
    table = pd.concat(
        [
            row("b beats a"),
            row("not shown", a="srcnn", smallest=np.inf, protocol="published"),
            row("one seed: not said", metric="ssim", smallest=np.nan, false_alarms=np.nan),
            row(NOT_RUN, difference=np.nan),
            row(EXPLORATORY),
        ]
    )
    text = claims_as_text(table, {"cpsnr": 2, "ssim": 3})
    assert text.claim.tolist() == ["bicubic before esrgan", "srcnn before esrgan", *["bicubic before esrgan"] * 2]
    assert text.metric.tolist() == ["cpsnr", "cpsnr (published)", "ssim", "cpsnr"]
    assert text.difference.tolist() == [*["-0.40 [-0.61, -0.20]"] * 2, "-0.400 [-0.610, -0.200]", ""]
    assert text["shown from"].tolist() == ["0.12", "no difference", "", ""]
    assert text["false alarms"].tolist() == ["4.0%", "4.0%", "", ""]
    assert text.verdict.tolist() == ["esrgan beats bicubic", "not shown", "one seed: not said", NOT_RUN]
    assert set(text.source) == {"a paper"}


def test_the_table_of_other_pairs_has_no_verdict() -> None:
    table = pd.concat([row("b beats a"), row(EXPLORATORY, a="srcnn"), row(EXPLORATORY, metric="ssim")])
    text = comparisons_as_text(table, "cpsnr", "corrected")
    assert text.to_dict("records") == [
        {
            "pair": "srcnn - esrgan",
            "difference": "-0.40 [-0.61, -0.20]",
            "p (not adjusted)": "0.01",
            "Cliff's delta": "-0.31",
        }
    ]
    assert comparisons_as_text(table[:1], "cpsnr", "corrected").empty


def test_sentences_are_of_one_metric_and_protocol() -> None:
    table = pd.concat([row("b beats a"), row("not shown", metric="ssim"), row("b beats a", a="srcnn")])
    assert [line.split(" in ")[0] for line in sentences(table, "cpsnr", "corrected").splitlines()] == [
        "esrgan beats bicubic",
        "esrgan beats srcnn",
    ]
    assert "-0.4000 [" in sentences(table, "ssim", "corrected", digits=4)
    with pytest.raises(ValueError, match=r"got ssim \(published\), expected one of \[cpsnr \(corrected\), ssim"):
        sentences(table, "ssim", "published")
