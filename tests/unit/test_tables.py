from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satsr.params import TableSettings
from satsr.tables import (
    NOT_AVAILABLE,
    NOT_RUN,
    beside_published,
    best_median_worst,
    main_table,
    read_scores,
    shown,
    summary,
)

SETTINGS = TableSettings(resamples=200)
DIGITS = {"cpsnr": 2}


def scores(means: dict[str, float], seeds: int = 1, regions: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        (f"{r}_{chip}", f"r{r}", seed, "cpsnr", "corrected", mean + rng.normal(0, 0.1), 0.01, method)
        for method, mean in means.items()
        for seed in range(seeds)
        for r in range(regions)
        for chip in range(3)
    ]
    columns = ["tile", "region", "seed", "metric", "protocol", "value", "clipped_share", "method"]
    return pd.DataFrame(rows, columns=columns)


def test_a_cell_is_the_mean_with_its_counts() -> None:
    made = scores({"bicubic": 20.0, "esrgan": 22.0})
    table = main_table(made, SETTINGS, "s2naip", "tiny")
    assert table.method.tolist() == ["bicubic", "esrgan"]
    row = table.iloc[1]
    assert row["mean"] == pytest.approx(made[made.method == "esrgan"].value.mean())
    assert row.low < row["mean"] < row.high
    assert (row.images, row.regions, row.seeds, row.profile, row.note) == (18, 6, 1, "tiny", "images only")
    assert row.clipped_share == pytest.approx(0.01)


def test_one_seed_never_says_that_a_method_beats_another() -> None:
    table = main_table(scores({"bicubic": 20.0, "esrgan": 30.0}), SETTINGS, "s2naip", "tiny")
    assert "no method is said to beat another" in summary(table)


def test_with_seeds_the_sentence_follows_the_intervals() -> None:
    apart = main_table(scores({"bicubic": 20.0, "esrgan": 30.0}, seeds=3), SETTINGS, "s2naip", "overnight")
    assert "esrgan has the highest" in summary(apart)
    assert "lies above that of bicubic" in summary(apart)
    close = main_table(scores({"bicubic": 20.0, "esrgan": 20.001}, seeds=3), SETTINGS, "s2naip", "overnight")
    assert "overlaps" in summary(close)


def test_text_keeps_the_order_of_methods() -> None:
    table = main_table(scores({"srcnn": 20.0, "bicubic": 21.0}), SETTINGS, "s2naip", "tiny")
    wide = shown(table, "corrected", DIGITS)
    assert wide.index.tolist() == ["srcnn", "bicubic"]
    assert wide.loc["srcnn", "cpsnr"].startswith(f"{table['mean'][0]:.2f} [")


def test_unknown_published_values_and_missing_rows_say_so() -> None:
    table = main_table(scores({"srcnn": 20.0}).assign(protocol="published"), SETTINGS, "s2naip", "tiny")
    published = pd.DataFrame(
        {"method": ["srcnn", "sr3"], "dataset": "S2-NAIP", "metric": "cpsnr", "value": [np.nan, 17.5]}
    )
    rows = beside_published(table, published, DIGITS).set_index("method")
    assert rows.loc["srcnn", "published"] == NOT_AVAILABLE
    assert rows.loc["srcnn", "this run"].startswith(f"{table['mean'][0]:.2f} [")
    assert rows.loc["sr3", "published"] == "17.5"
    assert rows.loc["sr3", "this run"] == NOT_RUN


def test_best_median_and_worst_by_rule() -> None:
    values = pd.DataFrame(
        {"tile": list("dacbe"), "value": [4.0, 1.0, 3.0, 2.0, 5.0], "method": "m", "metric": "cpsnr"}
    ).assign(protocol="corrected")
    assert best_median_worst(values, "m", "cpsnr") == {"best": "e", "median": "c", "worst": "a"}


def test_a_missing_method_is_an_error_not_a_shorter_table(tmp_path) -> None:
    scores({"srcnn": 1.0}).to_parquet(tmp_path / "srcnn.parquet")
    with pytest.raises(FileNotFoundError, match=r"esrgan\.parquet is missing"):
        read_scores(tmp_path, ("srcnn", "esrgan"))
