"""The command line: what it prints and writes, and errors in one line."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from urllib.error import URLError

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from satsr.cli.app import app, main
from satsr.evaluation.score_files import evaluate_files, summary
from tests.conftest import ROOT
from tests.data.readers.image_files import write_picture
from tests.made import make_oli2msi


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three images and their targets."""
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        write_picture(sr / name, number)
        write_picture(hr / name, number + 10)
    return sr, hr


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Run the command line as a terminal does; return its exit code and the errors it printed."""
    monkeypatch.setattr(sys, "argv", ["satsr", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


# Evaluate


def test_evaluate_prints_the_summary_and_writes_every_score(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    arguments = ["evaluate", *map(str, folders), "--metrics", "psnr,mae", "--protocol", "both", "--output", str(out)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert result.exit_code == 0
    report = evaluate_files(*folders, ["psnr", "mae"], ["corrected", "published"], "error", keep_going=False)
    pd.testing.assert_frame_equal(pd.read_csv(out), report.table)
    words = result.stdout.split()
    for row in summary(report.table).itertuples():
        assert {row.metric, row.protocol, "images"} <= set(words)
    assert words.count("psnr") == words.count("mae") == 2


def test_unknown_names_end_in_one_line(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, message in [
        ("--metrics", "psnr,pnsr", "got unknown metric 'pnsr', expected one of psnr, ssim"),
        ("--metrics", "lpips", "got metric 'lpips', expected lpips:NETWORK"),
        ("--protocol", "paper", "got --protocol paper, expected corrected, published or both"),
        ("--gray", "repat", "got --gray repat, expected error or repeat"),
    ]:
        code, printed = run(monkeypatch, capsys, "evaluate", *folders, option, value)
        assert code == 1
        assert printed.startswith(f"satsr: {message}")
        assert printed.count("\n") == 1


def test_an_image_that_cannot_be_scored_ends_in_one_line(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (folders[0] / "b.png").write_bytes(b"not an image")
    code, printed = run(monkeypatch, capsys, "evaluate", *folders, "--output", tmp_path / "scores.csv")
    assert code == 1
    assert f"{folders[0] / 'b.png'} cannot be read" in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "scores.csv").exists()


def test_an_image_that_was_left_out_is_reported_and_fails_the_command(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (folders[0] / "b.png").write_bytes(b"not an image")
    out = tmp_path / "scores.csv"
    arguments = ["evaluate", *map(str, folders), "--metrics", "psnr", "--keep-going", "--output", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("left out b: ")
    assert result.stderr.count("\n") == 1
    assert pd.read_csv(out).image.tolist() == ["a", "c"]
    assert "psnr" in result.stdout


# Vote


def test_unknown_pairs_end_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "votes.csv"
    code, printed = run(monkeypatch, capsys, "vote", "--out", out, "--pairs", "nonsense", "--no-browser")
    assert (code, printed) == (1, "satsr: got --pairs nonsense, expected methods or stand-in\n")
    assert not out.exists()


def test_a_report_that_cannot_be_written_leaves_the_last_one_and_is_named(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out = make_oli2msi.write(tmp_path / "set"), tmp_path / "out.csv"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for arguments in (
        ["evaluate", *folders, "--metrics", "psnr", "--output", out],
        ["data", "leakage", "oli2msi", "--folder", made, "--output", out],
    ):
        out.write_text("the last one")
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))  # as on a full disk
        try:
            code, said = run(monkeypatch, capsys, *arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (code, said.count("\n")) == (1, 1)
        assert said.startswith(f"satsr: [Errno 27] File too large: '{out}")
        assert out.read_text() == "the last one"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_disk_ends_in_one_line_with_what_to_do(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(monkeypatch, capsys, "evaluate", *folders, "--metrics", "psnr", "--output", "/dev/full")
    assert code == 1
    assert said.count("\n") == 1
    assert "No space left on device" in said
    assert said.strip().endswith("free some space and run the same command again; what is finished is kept")


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_is_computed(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["evaluate", *folders, "--output", tmp_path],
        ["vote", "--out", tmp_path],
        ["data", "mosaic", 0, "--output", tmp_path],
        ["data", "leakage", "oli2msi", "--output", tmp_path],
        ["data", "pair-fmow", tmp_path, tmp_path, "--output", tmp_path],
    ):
        code, said = run(monkeypatch, capsys, *arguments)
        assert (code, said.count("\n")) == (1, 1)
        assert said.endswith(f"{tmp_path}, which is a folder: name a file in it\n")


def test_an_image_does_not_take_the_place_of_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, said = run(monkeypatch, capsys, "data", "mosaic", 0, "--output", pipe)
    assert (code, said) == (1, f"satsr: got --output {pipe}, which is no file: name one\n")
    assert pipe.is_fifo()


def test_identical_images_have_infinite_psnr_and_the_summary_says_so(folders: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(folders[0]), str(folders[0]), "--metrics", "psnr,mae"])
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "psnr" in line)
    assert line.split()[:5] == ["psnr", "corrected", "inf", "inf", "inf"]
    assert "3 (3 infinite)" in line
    assert "nan" not in result.stdout


def test_a_metric_without_weights_fails_the_command_and_not_the_others(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    out = tmp_path / "scores.csv"
    arguments = ["evaluate", *map(str, folders), "--metrics", "psnr, lpips:alex", "--output", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert set(pd.read_csv(out).metric) == {"psnr"}
    (line,) = (line for line in result.stderr.splitlines() if "lpips" in line)
    assert line.startswith("not computed lpips:alex: the weights of alex are not on this machine")


def unreachable(*_: object, **__: object) -> None:
    raise URLError("no network")


def test_a_profile_without_images_says_how_they_are_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    for pairs in ("methods", "stand-in"):
        code, said = run(monkeypatch, capsys, "vote", "--out", tmp_path / "votes.csv", "--pairs", pairs, "--no-browser")
        assert code == 1
        assert said.strip().endswith(
            "profile default has no images on this machine: run `satsr study --profile default` first"
        )


def test_python_s_words_become_options(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gray = write_picture(folders[0] / "gray.png", 0, bands=1)
    assert gray.shape[-1] == 1
    code, said = run(
        monkeypatch, capsys, "evaluate", folders[0] / "gray.png", folders[0] / "gray.png", "--metrics", "sam"
    )
    assert code == 1
    assert said.endswith("got one band, sam expects color: pass --gray repeat or leave sam out\n")
