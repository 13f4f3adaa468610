"""Scoring image files: how they are matched, scored and summarized."""

import math
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from PIL import Image

from satsr.evaluation.score_files import FileScores, Reading, evaluate_files, match_files, summary
from satsr.metrics.protocol import Protocol
from satsr.metrics.registry import FUNCTIONS
from satsr.metrics.scoring import score
from tests.data.readers.image_files import as_tensor, picture, write_picture, write_tiff

BOTH: list[Protocol] = ["published", "corrected"]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three images in two folders: `a` differs, `b` is equal, `c` is a TIFF on one side."""
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    for name, seed in (("a.png", 1), ("b.png", 2), ("c.png", 3)):
        write_picture(sr / name, seed)
    write_picture(hr / "a.png", 4)
    write_picture(hr / "b.png", 2)
    write_tiff(hr / "c.tif", picture(5), photometric="RGB")
    (hr / "notes.txt").write_text("not an image")
    return sr, hr


def evaluate(
    sr: Path, hr: Path, names: tuple[str, ...] = ("psnr",), protocols: list[Protocol] = BOTH, keep_going: bool = False
) -> FileScores:
    return evaluate_files(sr, hr, names, protocols, gray="error", keep_going=keep_going)


# Matching


def test_two_files_are_taken_as_they_are(tmp_path: Path) -> None:
    write_picture(tmp_path / "x.png", 0)
    write_picture(tmp_path / "y.png", 1)
    assert match_files(tmp_path / "x.png", tmp_path / "y.png") == {"x": (tmp_path / "x.png", tmp_path / "y.png")}


def test_folders_are_matched_by_stem(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    assert match_files(sr, hr) == {
        "a": (sr / "a.png", hr / "a.png"),
        "b": (sr / "b.png", hr / "b.png"),
        "c": (sr / "c.png", hr / "c.tif"),
    }


def test_files_without_a_counterpart_are_listed_up_to_five_a_side(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    for number in range(7):
        write_picture(sr / f"more{number}.png", 0)
    (sr / "a.png").unlink()
    listed = ", ".join(f"more{number}.png" for number in range(5))
    with pytest.raises(ValueError, match=f"sr: 7 {listed}, \\.\\.\\.; .*hr: 1 a.png\\), expected the same file stems"):
        match_files(sr, hr)


def test_paths_that_do_not_fit_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    sr, hr = folders
    with pytest.raises(FileNotFoundError, match="nowhere is missing"):
        match_files(sr, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="got one file and one folder"):
        match_files(sr / "a.png", hr)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty holds no images"):
        match_files(tmp_path / "empty", hr)
    write_picture(sr / "a.jpg", 0)
    with pytest.raises(ValueError, match=r"a\.jpg and a\.png, expected one image per stem"):
        match_files(sr, hr)


# Scoring


def test_the_table_holds_the_scores_of_every_image(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    report = evaluate(sr, hr, ("psnr", "ssim"))
    assert report.left_out == []
    assert list(report.table.columns) == ["image", "metric", "protocol", "value", "no_data"]
    values = report.table.set_index(["image", "metric", "protocol"])["value"]
    assert len(values) == 3 * 2 * 2
    for protocol in BOTH:
        expected = score(as_tensor(picture(1), 255), as_tensor(picture(4), 255), ["psnr", "ssim"], protocol)
        for metric, value in expected.items():
            assert values["a", metric, protocol] == value[0]
        assert values["b", "psnr", protocol] == math.inf


def test_an_image_that_cannot_be_scored_stops_or_is_left_out(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    (sr / "a.png").write_bytes(b"")
    Image.fromarray(picture(3)[1:]).save(sr / "c.png")
    with pytest.raises(ValueError, match=r"sr/a\.png cannot be read"):
        evaluate(sr, hr)
    report = evaluate(sr, hr, keep_going=True)
    assert set(report.table["image"]) == {"b"}
    assert [image for image, _ in report.left_out] == ["a", "c"]
    assert "sr/c.png against" in report.left_out[1][1]
    assert "got sr (1, 3, 39, 36) and hr (1, 3, 40, 36)" in report.left_out[1][1]


def test_a_score_that_is_no_number_is_an_image_that_cannot_be_scored(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FUNCTIONS, "psnr", lambda sr, *_: torch.full((len(sr),), math.nan))
    with pytest.raises(ValueError, match=r"a\.png against .*: got NaN for psnr \(published\)"):
        evaluate(*folders)


def test_a_metric_whose_weights_cannot_be_had_is_named_and_the_others_are_computed(
    folders: tuple[Path, Path], no_weights: None
) -> None:
    report = evaluate(*folders, ("psnr", "lpips:alex", "ssim"))
    pd.testing.assert_frame_equal(report.table, evaluate(*folders, ("psnr", "ssim")).table)
    ((metric, reason),) = report.not_computed
    assert metric == "lpips:alex"
    assert reason.startswith("the weights of alex are not on this machine")
    with pytest.raises(OSError, match="the weights of alex are not on this machine"):
        evaluate(*folders, ("lpips:alex",))


def test_an_unknown_network_stops_whatever_else_is_asked(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match=r"^unknown trunk 'alexa': expected one of alex"):
        evaluate(*folders, ("psnr", "lpips:alexa"), keep_going=True)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without published weights and without a network."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)


def test_pixels_that_one_file_does_not_show_are_counted_and_do_not_count(tmp_path: Path) -> None:
    image = picture(0)
    holed = image.copy()
    holed[:, :12] = 0
    write_tiff(tmp_path / "sr.tif", image, photometric="RGB")
    write_tiff(tmp_path / "hr.tif", holed, photometric="RGB", nodata=0)
    report = evaluate(tmp_path / "sr.tif", tmp_path / "hr.tif", ("mae", "ssim"), ["corrected"])
    assert report.table.value.tolist() == [0, 1]
    assert report.table.no_data.tolist() == [480, 480]
    assert report.notes == ["sr: 480 pixels (33.3%) do not count: not both files show them"]
    with pytest.raises(ValueError, match="the published protocol counts all: ask for corrected"):
        evaluate(tmp_path / "sr.tif", tmp_path / "hr.tif", ("mae",), BOTH)


def test_scores_do_not_change_with_how_a_file_is_stored(tmp_path: Path) -> None:
    """Floats, counts with their scale in the file, counts with white given, and pictures of 8 bits."""
    rng, pairs = np.random.default_rng(0), {}
    eighths = [rng.integers(1, 255, (40, 36, 3)).astype(np.uint8) for _ in range(2)]
    for name, kind, white in (("8", np.uint8, 255), ("16", np.uint16, 255 * 40), ("tagged", np.uint16, 255 * 40)):
        for side, image in zip("sh", eighths, strict=True):
            write_tiff(tmp_path / f"{name}{side}.tif", (image.astype(float) * white / 255).round().astype(kind))
            if name == "tagged":
                with rasterio.open(tmp_path / f"{name}{side}.tif", "r+") as file:
                    file.scales = [1 / white] * 3
        pairs[name] = Reading(white if name == "16" else None)
    for side, image in zip("sh", eighths, strict=True):
        write_tiff(tmp_path / f"float{side}.tif", image.astype(np.float32) / 255)
    pairs["float"] = Reading()
    found = {}
    for name, reading in pairs.items():
        files = (tmp_path / f"{name}{side}.tif" for side in "sh")
        found[name] = evaluate_files(*files, ("psnr", "ssim", "cpsnr"), BOTH, "error", False, reading).table.value
    for values in found.values():
        np.testing.assert_allclose(values, found["8"], rtol=0, atol=2e-4)


def test_what_a_system_leaves_in_a_folder_is_passed_over(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        (folder / "._a.png").write_bytes(bytes(64))
    assert sorted(match_files(*folders)) == ["a", "b", "c"]


@pytest.mark.parametrize("white", [0.0, -1.0, math.nan, math.inf])
def test_a_white_that_is_none_is_refused(white: float) -> None:
    with pytest.raises(ValueError, match="expected a number above 0"):
        Reading(white)


def test_nothing_left_is_an_empty_table(folders: tuple[Path, Path]) -> None:
    sr, _ = folders
    (sr / "a.png").write_bytes(b"")
    report = evaluate(sr / "a.png", sr / "b.png", keep_going=True)
    assert report.table.empty
    assert len(report.left_out) == 1
    assert summary(report.table).empty


def test_gray_images_are_refused_or_repeated(tmp_path: Path) -> None:
    sr, hr = tmp_path / "sr.png", tmp_path / "hr.png"
    write_picture(sr, 0, bands=1)
    write_picture(hr, 1, bands=1)
    with pytest.raises(ValueError, match=r"sr\.png against .*hr\.png: got one band, sam expects color"):
        evaluate(sr, hr, ("sam",))
    repeated = evaluate_files(sr, hr, ["sam"], ["corrected"], gray="repeat", keep_going=False)
    assert repeated.table["value"].item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("names", "protocols", "message"),
    [
        (("pnsr",), BOTH, "got unknown metric 'pnsr'"),
        (("psnr", "shift"), BOTH, "got shift, expected metrics of SR and HR alone"),
        (("psnr",), ["paper"], "got protocol 'paper'"),
    ],
)
def test_misspelled_names_stop_even_when_it_keeps_going(
    folders: tuple[Path, Path], names: tuple[str, ...], protocols: list[Protocol], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(*folders, names, protocols, keep_going=True)


# Summary


def table_of(values: list[float]) -> pd.DataFrame:
    images = [f"image{number}" for number in range(len(values))]
    return pd.DataFrame({"image": images, "metric": "psnr", "protocol": "corrected", "value": values})


def test_the_summary_leaves_infinite_values_out_of_the_mean_only() -> None:
    row = summary(table_of([20.0, 30.0, 25.0, math.inf])).iloc[0]
    assert (row["mean"], row["min"], row["median"], row["max"]) == (25, 20, 27.5, math.inf)
    assert (row["n"], row["infinite"]) == (4, 1)
    assert row["note"] == "images only; the mean is of the 3 that differ from their targets"
    assert 20 <= row["low"] < 25 < row["high"] <= 30


def test_the_interval_is_that_of_a_mean_of_independent_images() -> None:
    values = np.random.default_rng(0).normal(30, 2, 400)
    row = summary(table_of(list(values))).iloc[0]
    half = 1.96 * values.std() / 20
    assert row["low"] == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert row["high"] == pytest.approx(values.mean() + half, abs=0.2 * half)


@pytest.mark.parametrize(
    ("values", "note"), [([31.0], "one image: no interval"), ([math.inf] * 2, "no image differs from its target")]
)
def test_too_few_values_have_no_interval(values: list[float], note: str) -> None:
    row = summary(table_of(values)).iloc[0]
    assert (row["mean"], row["note"]) == (values[0], note)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_the_summary_has_a_row_per_metric_and_protocol(folders: tuple[Path, Path]) -> None:
    table = summary(evaluate(*folders, ("psnr", "ssim")).table)
    cells = list(zip(table["metric"], table["protocol"], strict=True))
    assert cells == [(metric, protocol) for protocol in BOTH for metric in ("psnr", "ssim")]
