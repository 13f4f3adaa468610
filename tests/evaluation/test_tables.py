from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import (
    FLATTERED,
    NOT_AVAILABLE,
    NOT_RUN,
    RESIZED,
    beside_published,
    best_median_worst,
    legend,
    main_table,
    marks,
    read_scores,
    scores_as_text,
    tabs,
    with_set_distances,
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
    return pd.DataFrame(rows, columns=columns).assign(flattered=False)


def test_a_cell_is_the_mean_with_its_counts() -> None:
    made = scores({"bicubic": 20.0, "esrgan": 22.0})
    table = main_table(made, SETTINGS, "s2naip", "tiny")
    assert table.method.tolist() == ["bicubic", "esrgan"]
    row = table.iloc[1]
    assert row["mean"] == pytest.approx(made[made.method == "esrgan"].value.mean())
    assert row.low < row["mean"] < row.high
    assert (row.images, row.regions, row.seeds, row.profile, row.note) == (18, 6, 1, "tiny", "images only")
    assert row.clipped_share == pytest.approx(0.01)


def test_text_keeps_the_order_of_methods() -> None:
    table = main_table(scores({"srcnn": 20.0, "bicubic": 21.0}), SETTINGS, "s2naip", "tiny")
    wide = scores_as_text(table, "corrected", DIGITS)
    assert wide.index.tolist() == ["srcnn", "bicubic"]
    assert wide.loc["srcnn", "cpsnr"].startswith(f"{table['mean'][0]:.2f} [")


def test_a_flattered_score_has_a_note_and_a_dagger() -> None:
    made = scores({"srcnn": 20.0, "esrgan": 21.0})
    table = main_table(made.assign(flattered=made.method == "esrgan"), SETTINGS, "s2naip", "tiny")
    assert table.note.tolist() == ["images only", f"images only; {FLATTERED}"]
    cells = scores_as_text(table, "corrected", DIGITS).cpsnr
    assert cells.str.endswith(" †").tolist() == [False, True]


def test_notes_have_signs_and_a_legend_of_those_that_are_there() -> None:
    made = scores({"bicubic": 19.0, "srcnn": 20.0})
    table = main_table(made, SETTINGS, "x3", "tiny", lambda method, metric: [RESIZED] if method == "srcnn" else [])
    assert scores_as_text(table, "corrected", DIGITS).cpsnr.str.endswith(" ‡").tolist() == [False, True]
    assert legend(table) == f"‡ {RESIZED}. Intervals are over images only: one training seed."
    several = main_table(scores({"srcnn": 20.0}, seeds=2), SETTINGS, "x4", "tiny")
    both = pd.concat([several, main_table(scores({"flow": 20.0}), SETTINGS, "x4", "tiny")])
    assert legend(both) == "Intervals of flow are over images only: one training seed."
    assert legend(several) == ""
    assert marks(several).tolist() == [""]


def test_a_judge_stands_beside_the_published_metric() -> None:
    made = scores({"srcnn": 20.0}).assign(protocol="published", metric="lpips:judge")
    table = main_table(made, SETTINGS, "s2naip", "tiny")
    published = pd.DataFrame({"method": ["srcnn"], "dataset": "S2-NAIP", "metric": "lpips", "value": 0.5})
    (row,) = beside_published(table, published, {"lpips:judge": 3}).itertuples(index=False)
    assert row[:3] == ("srcnn", "lpips", "0.5")
    assert row[3].startswith(f"{table['mean'][0]:.3f} [")


def test_scores_of_images_stand_beside_those_of_sets() -> None:
    main = main_table(scores({"bicubic": 20.0, "esrgan": 22.0}), SETTINGS, "s2naip", "tiny")
    rows = [("esrgan", 0, "fid", 3.0), ("esrgan", 1, "fid", 5.0), ("bicubic", 0, "fid", 60.25)]
    sets = pd.DataFrame(rows, columns=["method", "seed", "metric", "value"])
    table = with_set_distances(main, sets, ["esrgan", "sr3", "bicubic"], DIGITS)
    assert table.method.tolist() == ["esrgan", "sr3", "bicubic"]
    assert table.FID.tolist() == ["4", NOT_RUN, "60.25"]
    assert table.cpsnr[1] == NOT_RUN
    assert table.cpsnr[0] == scores_as_text(main, "corrected", DIGITS).loc["esrgan", "cpsnr"]


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


class Tags(HTMLParser):
    """The attributes of all tags of a page, by tag, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str | None]]] = {}
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_tabs_have_one_button_each_and_show_the_first() -> None:
    plain = pd.DataFrame({"value": ["a < b", "<script>"]})
    page = Tags(tabs({"x & y": plain, "other": plain}).data)
    inputs, labels = page.found["input"], page.found["label"]
    assert [button["type"] for button in inputs] == ["radio"] * 2
    assert len({button["name"] for button in inputs}) == 1
    assert len({button["id"] for button in inputs}) == 2
    assert ["checked" in button for button in inputs] == [True, False]
    assert [label["for"] for label in labels] == [button["id"] for button in inputs]
    assert "script" not in page.found
    assert {"x & y", "a < b", "<script>"} <= set(page.text)


def test_groups_of_tabs_do_not_share_buttons() -> None:
    one, two = pd.DataFrame({"value": [1]}), pd.DataFrame({"value": [2]})
    groups = [{"a": one}, {"a": two}, {"b": one}, {"a": one, "b": two}]
    ids = [button["id"] for group in groups for button in Tags(tabs(group).data).found["input"]]
    assert len(set(ids)) == len(ids) == 5
    assert tabs({"a": one}).data == tabs({"a": one}).data


def test_best_median_and_worst_by_rule() -> None:
    values = pd.DataFrame(
        {"tile": list("dacbe"), "value": [4.0, 1.0, 3.0, 2.0, 5.0], "method": "m", "metric": "cpsnr"}
    ).assign(protocol="corrected")
    assert best_median_worst(values, "m", "cpsnr") == {"best": "e", "median": "c", "worst": "a"}


def test_a_missing_method_is_an_error_not_a_shorter_table(tmp_path) -> None:
    scores({"srcnn": 1.0}).to_parquet(tmp_path / "srcnn.parquet")
    with pytest.raises(FileNotFoundError, match=r"esrgan\.parquet is missing"):
        read_scores(tmp_path, ("srcnn", "esrgan"))


WITHOUT_TORCH = (
    "satsr.evaluation.tables",
    "satsr.evaluation.verdicts",
    "satsr.studies.fusion.report",
    "satsr.book.claims",
    "satsr.book.cards",
)


def loaded_by(*modules: str) -> set[str]:
    """What a fresh Python has loaded after it imported some modules."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_tables_claims_and_cards_need_no_torch() -> None:
    loaded = loaded_by(*WITHOUT_TORCH)
    assert loaded.issuperset(WITHOUT_TORCH)
    assert "torch" not in loaded


def test_tables_depend_on_no_network_and_on_no_metric() -> None:
    loaded = {
        name for name in loaded_by("satsr.evaluation.tables") if name.startswith(("satsr.models", "satsr.metrics"))
    }
    assert loaded <= {"satsr.models", "satsr.models.methods", "satsr.metrics", "satsr.metrics.facts"}
