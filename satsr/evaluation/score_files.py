"""Score image files: two images, or two folders whose images are matched by file stem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from satsr.common.stray import is_stray
from satsr.data.images import IMAGES
from satsr.evaluation.image_files import ImageFile, alike, read_image
from satsr.evaluation.intervals import mean_interval
from satsr.metrics.facts import find_metric, split_name
from satsr.metrics.networks import network_of
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.scoring import Gray, check_gray, score

COLUMNS = ["image", "metric", "protocol", "value", "no_data"]
LISTED = 5


@dataclass(frozen=True)
class FileScores:
    """Scores of image files.

    Attributes:
        table: one row per image, metric and protocol: image (file stem), metric, protocol, value, no_data (pixels that
            one of both files does not show, and that do not count); infinite values, such as the PSNR of identical
            images, are kept.
        left_out: (image, reason) for each image that could not be scored.
        notes: what a user should know of how files were read.
        not_computed: (metric, reason) for each metric whose published weights cannot be had.
    """

    table: pd.DataFrame
    left_out: list[tuple[str, str]]
    notes: list[str]
    not_computed: list[tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """What a user says of files.

    Attributes:
        white: the value that becomes 1, of files that are not of 8 bits; None goes by what the files say.
        ignore_place: whether an image and its target may lie elsewhere.
    """

    white: float | None = None
    ignore_place: bool = False

    def __post_init__(self) -> None:
        if self.white is not None and not (np.isfinite(self.white) and self.white > 0):
            raise ValueError(f"got white {self.white}, expected a number above 0: the value that becomes 1")


NOTHING_SAID = Reading()


def evaluate_files(
    sr: Path,
    hr: Path,
    names: Sequence[str],
    protocols: Sequence[Protocol],
    gray: Gray,
    keep_going: bool,
    reading: Reading = NOTHING_SAID,
) -> FileScores:
    """Score an image, or every image of a folder; pixels count that both files show.

    Args:
        sr: a super-resolved image, or a folder of them.
        hr: the target, or a folder of targets with the same file stems.
        names: metrics, as in `score`.
        protocols: "published", "corrected" or both.
        gray: for metrics of color images, refuse one-band images or repeat the band three times.
        keep_going: leave out an image that cannot be scored, and report it, instead of stopping.
        reading: what is said of the files.

    Returns:
        Scores, what was left out, how files were read, and which metrics are not among the scores.

    Raises:
        ValueError: for an unknown metric, protocol or `gray`, a metric that needs the input series, files without a
            counterpart, and, unless `keep_going`, an image that cannot be scored: names its file.
        OSError: no such file or folder, or no metric whose weights are on this machine.
    """
    check_gray(gray)
    _check_names(names, protocols)
    rows: list[tuple[str, str, str, float, int]] = []
    left_out, notes = [], []
    pairs = match_files(sr, hr)
    ready, not_computed = _with_weights(names)
    for image, files in pairs.items():
        try:
            sr_image, hr_image = (read_image(file, reading.white) for file in files)
            pair = alike(sr_image, hr_image, reading.ignore_place)
            no_data = int((~pair[1].valid).sum())
            rows += [(image, *found, no_data) for found in _score_pair(*pair, ready, protocols, gray)]
        except ValueError as error:
            if not keep_going:
                raise
            left_out.append((image, str(error)))
        else:
            notes += [*pair[0].notes, *pair[1].notes]
            if no_data:
                share = no_data / pair[1].valid.size
                notes.append(f"{image}: {no_data} pixels ({share:.1%}) do not count: not both files show them")
    return FileScores(pd.DataFrame(rows, columns=COLUMNS), left_out, notes, not_computed)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarize `FileScores.table` per metric and protocol.

    Returns:
        Columns metric, protocol; mean of the finite values with low and high, its 95 % interval by bootstrap over
        images, and inf where no value is finite; min, median and max of all values; n, the images; infinite, how many
        values are; note, what mean and interval cover.
    """
    cells = table.groupby(["metric", "protocol"], sort=False)["value"]
    rows = [{"metric": metric, "protocol": protocol, **_summarize(values)} for (metric, protocol), values in cells]
    columns = ["metric", "protocol", "mean", "low", "high", "min", "median", "max", "n", "infinite", "note"]
    return pd.DataFrame(rows, columns=columns)


def summary_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a `summary` as text that fits a terminal: mean with its interval, range, median, n, and what to know."""
    rows = []
    for row in table.to_dict("records"):
        interval = "" if np.isnan(row["low"]) else f" [{row['low']:.4g}, {row['high']:.4g}]"
        rows.append(
            {
                "metric": row["metric"],
                "protocol": row["protocol"],
                "mean": f"{row['mean']:.4g}{interval}",
                "median": f"{row['median']:.4g}",
                "range": f"{row['min']:.4g} .. {row['max']:.4g}",
                "n": f"{row['n']}" + (f" ({row['infinite']} infinite)" if row["infinite"] else ""),
                "note": row["note"],
            }
        )
    return pd.DataFrame(rows)


def match_files(sr: Path, hr: Path) -> dict[str, tuple[Path, Path]]:
    """Match images of two folders by stem, or take two files as they are: stem of SR -> (SR, HR).

    Raises:
        FileNotFoundError: no such file or folder, or a folder without images.
        ValueError: a file against a folder, two images of one stem, or an image without a counterpart.
    """
    for path in (sr, hr):
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: name an image, or a folder of images")
    if sr.is_dir() != hr.is_dir():
        raise ValueError(f"got one file and one folder ({sr}, {hr}), expected two files or two folders: name two alike")
    if sr.is_file():
        return {sr.stem: (sr, hr)}
    sr_files, hr_files = _by_stem(sr), _by_stem(hr)
    if sr_files.keys() != hr_files.keys():
        raise ValueError(
            f"got images in one folder only ({_missing(sr_files, hr_files, sr)}; {_missing(hr_files, sr_files, hr)}), "
            "expected the same file stems: rename or remove them"
        )
    return {stem: (file, hr_files[stem]) for stem, file in sr_files.items()}


def _check_names(names: Sequence[str], protocols: Sequence[Protocol]) -> None:
    for protocol in protocols:
        check_protocol(protocol)
    of_input = [name for name in names if find_metric(name).needs_lr]
    if of_input:
        raise ValueError(f"got {', '.join(of_input)}, expected metrics of SR and HR alone: these need the input series")


def _with_weights(names: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Open the networks of metrics; return the metrics that can be computed, and why the others cannot."""
    ready, lacking = [], []
    for name in names:
        kind, network = find_metric(name).network, split_name(name)[1]
        try:
            if kind:
                network_of(kind, network)
        except OSError as error:
            lacking.append((name, str(error)))
        else:
            ready.append(name)
    if lacking and not ready:
        raise OSError("; ".join(reason for _, reason in lacking))
    return ready, lacking


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(
        p for p in folder.iterdir() if p.suffix.lower() in IMAGES and not is_stray(p.relative_to(folder))
    ):
        if file.stem in files:
            raise ValueError(f"got {files[file.stem]} and {file.name}, expected one image per stem: remove one")
        files[file.stem] = file
    if not files:
        raise FileNotFoundError(f"{folder} holds no images, expected {', '.join(IMAGES)}: name the folder that does")
    return files


def _missing(files: dict[str, Path], others: dict[str, Path], folder: Path) -> str:
    alone = [file.name for stem, file in files.items() if stem not in others]
    listed = ", ".join(alone[:LISTED]) + (", ..." if len(alone) > LISTED else "")
    return f"{folder}: {len(alone)} {listed}".rstrip()


def _score_pair(
    sr: ImageFile, hr: ImageFile, names: Sequence[str], protocols: Sequence[Protocol], gray: Gray
) -> list[tuple[str, str, float]]:
    """Score one image: (metric, protocol, value) of each."""
    where = f"{sr.path} against {hr.path}"
    whole = bool(hr.valid.all())
    if not whole and "published" in protocols:
        raise ValueError(
            f"{where}: got pixels without data, and the published protocol counts all: ask for corrected, or cut them "
            "off"
        )
    valid = None if whole else torch.from_numpy(hr.valid)[None]
    rows: list[tuple[str, str, float]] = []
    for protocol in protocols:
        try:
            scores = score(sr.image[None], hr.image[None], names, protocol, valid=valid, gray=gray)
        except ValueError as error:
            reason = str(error).removeprefix("image 0: ").removeprefix("all images: ")
            raise ValueError(f"{where}: {reason}") from None
        rows += [(name, protocol, float(values[0])) for name, values in scores.items()]
    undefined = [f"{name} ({protocol})" for name, protocol, value in rows if np.isnan(value)]
    if undefined:
        raise ValueError(f"{where}: got NaN for {undefined[0]}, expected a number: leave it out")
    return rows


def _summarize(values: pd.Series[float]) -> dict[str, float | str]:
    finite = values[np.isfinite(values)]
    mean, low, high = np.inf, np.nan, np.nan
    note = "no image differs from its target"
    if len(finite):
        # Each image is a region of its own: nothing says which of them belong together.
        interval = mean_interval(pd.DataFrame({"region": range(len(finite)), "seed": 0, "value": finite}))
        mean, low, high = interval.mean, interval.low, interval.high
        note = interval.note if len(finite) > 1 else "one image: no interval"
        if len(finite) < len(values):
            note = f"{note}; the mean is of the {len(finite)} that differ from their targets"
    order = {"min": values.min(), "median": float(np.median(values)), "max": values.max()}
    counts = {"n": len(values), "infinite": int(np.isinf(values).sum())}
    return {"mean": mean, "low": low, "high": high, **order, **counts, "note": note}
