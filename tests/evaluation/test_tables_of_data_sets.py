"""One metric of all data sets side by side, and the order of methods on them."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from satsr.evaluation.tables import beside_main, same_order


def table(**means: list[float]) -> pd.DataFrame:
    """Rows of `main_table`: PSNR of methods a, b, c, ... on data sets, corrected, interval of 0.5 to each side."""
    rows = [
        {"method": method, "dataset": dataset, "metric": "psnr", "protocol": "corrected", "mean": mean}
        for dataset, values in means.items()
        for method, mean in zip("abcdefgh", values, strict=False)
    ]
    return pd.DataFrame(rows).assign(low=lambda t: t["mean"] - 0.5, high=lambda t: t["mean"] + 0.5, note="")


def test_one_metric_of_all_data_sets_side_by_side() -> None:
    main = pd.concat([table(main=[30, 31.26], other=[20]), table(other=[25]).assign(protocol="published")])
    found = beside_main(main, "psnr", "corrected", 1)
    assert list(found.columns) == ["main", "other"]
    assert found.loc["a"].tolist() == ["30.0 [29.5, 30.5]", "20.0 [19.5, 20.5]"]
    assert found.loc["b"].tolist() == ["31.3 [30.8, 31.8]", "not run in this profile"]


def test_a_data_set_without_the_metric_keeps_its_column() -> None:
    main = pd.concat([table(main=[30, 31]), table(other=[1, 2]).assign(metric="cpsnr"), table(third=[4, 5])])
    found = beside_main(main, "psnr", "corrected", 0)
    assert list(found.columns) == ["main", "other", "third"]
    assert set(found.other) == {"not run in this profile"}


def test_methods_keep_their_order_beside_each_other() -> None:
    main = table(main=[30, 31, 29], other=[1, 2, 3])
    main["method"] = main.method.map({"a": "sr3", "b": "bicubic", "c": "esrgan"})
    assert list(beside_main(main, "psnr", "corrected", 0).index) == ["sr3", "bicubic", "esrgan"]


def test_order_of_methods_by_kendalls_tau() -> None:
    found = same_order(
        table(main=[1, 2, 3, 4], same=[10, 20, 30, 40], reversed=[4, 3, 2, 1], swapped=[2, 1, 3, 4], two=[1, 2])
    )
    assert list(found.columns) == ["same", "reversed", "swapped", "two"]
    assert found.loc["psnr", ["same", "reversed"]].tolist() == [1, -1]
    assert found.loc["psnr", "swapped"] == pytest.approx(4 / 6)  # five pairs agree, one does not
    assert math.isnan(found.loc["psnr", "two"])


def test_order_is_that_of_corrected_means_and_of_methods_in_common() -> None:
    main = table(main=[1, 2, 3, 4], other=[1, 2, 3])
    published = table(other=[3, 2, 1]).assign(protocol="published")
    alone = table(other=[1, 2, 3]).assign(metric="cpsnr_probav")
    found = same_order(pd.concat([main, published, alone]))
    assert found.to_dict() == {"other": {"psnr": 1.0}}, "a metric that the main data set lacks is left out"
