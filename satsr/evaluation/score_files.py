"""Score image files: two images, or two folders whose images are matched by file stem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.data.images import IMAGES
from satsr.data.rasters import open_raster
from satsr.evaluation.intervals import mean_interval
from satsr.metrics.facts import find_metric
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.scoring import Gray, check_gray, score

COLUMNS = ["image", "metric", "protocol", "value"]
LISTED = 5
# What an integer type holds at full brightness.
PEAKS = {"uint8": 255, "uint16": 65535}


@dataclass(frozen=True)
class FileScores:
    """Scores of image files.

    Attributes:
        table: one row per image, metric and protocol: image (file stem), metric, protocol, value; infinite values,
            such as the PSNR of identical images, are kept.
        left_out: (image, reason) for each image that could not be scored.
    """

    table: pd.DataFrame
    left_out: list[tuple[str, str]]


def evaluate_files(
    sr: Path, hr: Path, names: Sequence[str], protocols: Sequence[Protocol], gray: Gray, keep_going: bool
) -> FileScores:
    """Score an image, or every image of a folder; all pixels count.

    Args:
        sr: a super-resolved image, or a folder of them.
        hr: the target, or a folder of targets with the same file stems.
        names: metrics, as in `score`.
        protocols: "published", "corrected" or both.
        gray: for metrics of color images, refuse one-band images or repeat the band three times.
        keep_going: leave out an image that cannot be scored, and report it, instead of stopping.

    Returns:
        Scores, and what was left out.

    Raises:
        ValueError: for an unknown metric, protocol or `gray`, a metric that needs the input series, files without a
            counterpart, and, unless `keep_going`, an image that cannot be scored: names its file.
        OSError: no such file or folder, or published weights that are not on this machine.
    """
    check_gray(gray)
    _check_names(names, protocols)
    rows: list[tuple[str, str, str, float]] = []
    left_out = []
    for image, (sr_file, hr_file) in match_files(sr, hr).items():
        try:
            rows += [(image, *found) for found in _score_pair(sr_file, hr_file, names, protocols, gray)]
        except ValueError as error:
            if not keep_going:
                raise
            left_out.append((image, str(error)))
    return FileScores(pd.DataFrame(rows, columns=COLUMNS), left_out)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarize `FileScores.table` per metric and protocol.

    Returns:
        Columns metric, protocol; mean of the finite values with low and high, its 95 % interval by bootstrap over
        images; min, median and max of all values; n, the images; infinite, how many values are; note, what the
        interval covers.
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


def read_image(path: Path) -> Tensor:
    """Read a PNG, JPEG, TIFF or GeoTIFF.

    Integers of 8 and 16 bit are divided by 255 and 65535. A band that the file calls alpha is dropped: a 4-band file
    that does not say what its bands are may be taken for color with alpha.

    Args:
        path: of the image.

    Returns:
        float32 (1, C, H, W) in [0, 1].

    Raises:
        ValueError: a file that cannot be read, a palette or packed bits, another type, or floats outside [0, 1].
    """
    values = _read_bands(path)
    peak = PEAKS.get(values.dtype.name)
    if peak is None and not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"{path}: got {values.dtype} values, expected uint8, uint16 or float in [0, 1]: convert it")
    image = values.astype(np.float64) / (peak or 1)
    if not ((image >= 0) & (image <= 1)).all():
        raise ValueError(
            f"{path}: got float values in [{values.min():g}, {values.max():g}], expected [0, 1]: scale and clip them"
        )
    return torch.from_numpy(image.astype(np.float32))[None]


def _read_bands(path: Path) -> NDArray[np.generic]:
    import rasterio
    from rasterio.enums import ColorInterp

    # By default GDAL reads a PNG in one go, and a truncated one without an error. A file that has gone since the folder
    # was listed is one that cannot be read.
    whole = rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM="NO")
    with whole, open_raster(str(path), remedy="make or download it again") as file:
        if ColorInterp.palette in file.colorinterp or "NBITS" in file.tags(1, ns="IMAGE_STRUCTURE"):
            raise ValueError(f"{path}: got a palette or packed bits, expected whole 8 or 16 bit: convert it")
        colors = zip(file.indexes, file.colorinterp, strict=True)
        return np.asarray(file.read([band for band, color in colors if color != ColorInterp.alpha]))


def _check_names(names: Sequence[str], protocols: Sequence[Protocol]) -> None:
    for protocol in protocols:
        check_protocol(protocol)
    of_input = [name for name in names if find_metric(name).needs_lr]
    if of_input:
        raise ValueError(f"got {', '.join(of_input)}, expected metrics of SR and HR alone: these need the input series")


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGES):
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
    sr_file: Path, hr_file: Path, names: Sequence[str], protocols: Sequence[Protocol], gray: Gray
) -> list[tuple[str, str, float]]:
    """Score one image: (metric, protocol, value) of each."""
    sr, hr = read_image(sr_file), read_image(hr_file)
    rows: list[tuple[str, str, float]] = []
    for protocol in protocols:
        try:
            scores = score(sr, hr, names, protocol, valid=None, gray=gray)
        except ValueError as error:
            reason = str(error).removeprefix("image 0: ").removeprefix("all images: ")
            raise ValueError(f"{sr_file} against {hr_file}: {reason}") from None
        rows += [(name, protocol, float(values[0])) for name, values in scores.items()]
    undefined = [f"{name} ({protocol})" for name, protocol, value in rows if np.isnan(value)]
    if undefined:
        raise ValueError(f"{sr_file} against {hr_file}: got NaN for {undefined[0]}, expected a number: leave it out")
    return rows


def _summarize(values: pd.Series[float]) -> dict[str, float | str]:
    finite = values[np.isfinite(values)]
    mean = low = high = np.nan
    note = "no finite value"
    if len(finite):
        # Each image is a region of its own: nothing says which of them belong together.
        interval = mean_interval(pd.DataFrame({"region": range(len(finite)), "seed": 0, "value": finite}))
        mean, low, high = interval.mean, interval.low, interval.high
        note = interval.note if len(finite) > 1 else "one image: no interval"
    order = {"min": values.min(), "median": float(np.median(values)), "max": values.max()}
    counts = {"n": len(values), "infinite": int(np.isinf(values).sum())}
    return {"mean": mean, "low": low, "high": high, **order, **counts, "note": note}
