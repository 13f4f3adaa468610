"""The PROBA-V set of ESA's Kelvins challenge: a monthly series of 300 m images and one of 100 m, in one band.

    train/{NIR,RED}/imgsetNNNN/LR000.png, LR001.png, ...   (128, 128) 16 bits deep, 14 used
                               QM000.png, QM001.png, ...   (128, 128) not 0 where LR is clear
                               HR.png                      (384, 384) 16 bits deep, 14 used
                               SM.png                      (384, 384) not 0 where HR is clear
    test/{NIR,RED}/imgsetNNNN/                             the same without HR.png
    norm.csv                                               `imgsetNNNN cPSNR` of the challenge's baseline

`train/{band}/val/imgsetNNNN/` is a folder of *Zooming Out*'s authors, not of the challenge. This project's own
writer uses it, adds `HR.png` to the test imgsets, and writes `regions.json`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import read_text, readable
from satsr.data.images import read_mask, read_png16, write_mask, write_png16
from satsr.data.reader import Facts, Reader, Sample, Scene, write_regions
from satsr.data.splits import hold_out_share

SCALE = 3
WHITE = 2**14 - 1
HELD_OUT = {"val": (0.0, 0.1), "test": (0.1, 0.2)}  # ranges of `hold_out_share`
CLEAR_SHARE = 0.6  # the challenge's data page: a 300 m image with fewer clear pixels is not in the set
PLACES = {"train": "train/{band}", "val": "train/{band}/val", "test": "test/{band}"}

FACTS = Facts(
    name="probav",
    title="PROBA-V",
    lr_sensor="PROBA-V",
    hr_sensor="PROBA-V, middle camera",
    lr_gsd_m=300.0,
    hr_gsd_m=100.0,
    scale=SCALE,
    lr_px=(128, 128),
    bands=("nir", "red"),
    bands_in=("nir",),
    bands_out=("nir",),
    dates="a series within 30 days, clouds masked; dates are not given",
    years=None,
    pairs=None,
    km2=None,
    size_gb=None,
    licence="not seen: read the challenge's terms",
    source="https://kelvins.esa.int/proba-v-super-resolution/data",
    citation="Märtens, Izzo, Krzic and Cox, Super-resolution of PROBA-V images using convolutional neural networks, "
    "Astrodynamics 3 (2019), 387-402",
    splits={
        "train": "train/{band}/imgset*, without what the other splits hold",
        "val": "train/{band}/val/imgset* if there, else a tenth of train/{band} by a hash of the imgset's name",
        "test": "test/{band}/imgset* if HR.png is there, else another tenth of train/{band} by the same hash",
    },
    notes=(
        "The published test imgsets have no HR.png, so test is held out of train (seeded hash, the same on every "
        "machine); the challenge's own test scores cannot be repeated.",
        "An imgset holds one band: `probav` reads NIR, `probav-red` RED. Which imgsets show the same place is not "
        "published, so statistics count every imgset as its own region.",
        "Good frames are at least 60 % clear and at least as clear as the median frame of the series; the authors of "
        "Zooming Out took the first nine files.",
        "Values are top-of-atmosphere reflectance in a scale that the data page does not give. 2**14 - 1 stands for 1 "
        "because 14 bits are used; it is not reflectance 1. This project's own data are reflectance * (2**14 - 1).",
        "LR and HR are not registered to each other; cPSNR searches shifts of 3 px for that reason.",
    ),
)


class ProbaV(Reader):
    """The NIR imgsets of one split. Their LR and HR may be of any size, HR three times LR."""

    facts = FACTS

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        self.band = self.facts.bands_in[0]
        self._imgsets = self._find()
        if not self._imgsets:
            place = PLACES[split].format(band=self.band.upper())
            raise FileNotFoundError(
                f"{folder}: {self.facts.name} {split} is empty, expected imgsetNNNN/HR.png in {place}, or enough of "
                f"them in train/{self.band.upper()} to hold some out: unpack the challenge's data there"
            )

    @property
    def tiles(self) -> list[str]:
        """All imgsets of the split, sorted by name."""
        return sorted(self._imgsets)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one imgset; values are 14 bits deep, days are NaN."""
        if tuple(bands) != (self.band,):
            raise ValueError(
                f"{self.facts.name}: got bands {', '.join(bands)}, expected {self.band} alone: an imgset holds one "
                "band, choose the set probav for nir or probav-red for red"
            )
        place, frames = self._imgsets[tile], self._frames(tile)
        lr = [read_png16(path) for path in frames]
        height, width = lr[0].shape
        clear = [read_mask(_mask_of(path)) for path in frames]
        hr, hr_valid = read_png16(place / "HR.png"), read_mask(place / "SM.png")
        for path, image, clear_image in zip(frames, lr, clear, strict=True):
            _expect(path, image, (height, width))
            _expect(_mask_of(path), clear_image, (height, width))
        _expect(place / "HR.png", hr, (height * SCALE, width * SCALE))
        _expect(place / "SM.png", hr_valid, hr.shape)
        valid = np.stack(clear)
        return Sample(
            series=np.stack(lr)[..., None],  # (T, h, w, 1)
            valid=valid,
            good=good_frames(valid),
            days=np.full(len(lr), np.nan),
            hr=hr[..., None],
            hr_valid=hr_valid,
            day=math.nan,
            white=WHITE,
            hr_white=WHITE,
            unusable="" if hr_valid.any() else "no clear HR pixels",
        )

    def files(self, tile: str) -> list[Path]:
        """Return LR, QM, HR and SM files."""
        frames, place = self._frames(tile), self._imgsets[tile]
        return [*frames, *map(_mask_of, frames), place / "HR.png", place / "SM.png"]

    def baseline_cpsnr(self, tile: str) -> float | None:
        """Return cPSNR of the challenge's baseline in dB, which its score is divided by; None where it is not given."""
        return self._norms.get(tile)

    @cached_property
    def _norms(self) -> dict[str, float]:
        path = self.folder / "norm.csv"
        if not path.is_file():
            return {}
        text = read_text(path, "download that file again")
        with readable(path, "lines of `imgsetNNNN cPSNR`", "download that file again"):
            return {name: float(value) for name, value in map(str.split, text.splitlines())}

    def _frames(self, tile: str) -> list[Path]:
        frames = sorted(self._imgsets[tile].glob("LR*.png"))
        if not frames:
            raise FileNotFoundError(f"{self._imgsets[tile] / 'LR000.png'} is missing: download that imgset again")
        return frames

    def _find(self) -> dict[str, Path]:
        """Return name -> folder of the split's imgsets: from a folder of its own, else held out of train."""
        found = {split: _imgsets(self.folder / place.format(band=self.band.upper())) for split, place in PLACES.items()}
        if not any((path / "HR.png").is_file() for path in found["test"].values()):
            found["test"] = {}
        if self.split != "train" and found[self.split]:
            return found[self.split]
        held_out = {split: between for split, between in HELD_OUT.items() if not found[split]}
        train = {name: path for name, path in found["train"].items() if name not in found["val"]}
        return {name: path for name, path in train.items() if _split_of(name, held_out) == self.split}


class ProbaVRed(ProbaV):
    """The RED imgsets of one split."""

    facts = replace(FACTS, name="probav-red", title="PROBA-V RED", bands_in=("red",), bands_out=("red",))


def good_frames(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which frames (T,) of (T, h, w) are at least 60 % clear and as clear as the median frame."""
    share = valid.mean(axis=(1, 2))
    return np.asarray(share >= max(CLEAR_SHARE, float(np.median(share))))


def write_data_set(folder: Path, scenes: Iterable[Scene]) -> None:
    """Write scenes in this layout, one imgset for each of red and nir that a scene has in LR and HR.

    Reflectance is clipped to [0, 1] and rounded to steps of 1 / 16383. Imgsets are numbered as they come;
    `regions.json` says which region each lies in.

    Raises:
        ValueError: a scene without either band, or whose HR is not three times LR.
    """
    folder.mkdir(parents=True, exist_ok=True)
    regions: dict[str, str] = {}
    for scene in scenes:
        for band in _written_bands(scene):
            tile = f"imgset{len(regions):04d}"
            _write_imgset(folder / PLACES[scene.split].format(band=band.upper()) / tile, scene, band)
            regions[tile] = scene.region
    write_regions(folder, regions.items())


def _write_imgset(place: Path, scene: Scene, band: str) -> None:
    for number, (image, clear) in enumerate(zip(scene.bands(band)[:, 0], scene.lr_valid, strict=True)):
        write_png16(place / f"LR{number:03d}.png", _counts(image))
        write_mask(place / f"QM{number:03d}.png", clear)
    write_png16(place / "HR.png", _counts(scene.hr_of(band)[0]))
    write_mask(place / "SM.png", scene.hr_valid)


def _written_bands(scene: Scene) -> list[str]:
    bands = [band for band in FACTS.bands if band in scene.lr_bands and band in scene.hr_bands]
    if not bands:
        raise ValueError(
            f"scene {scene.name}: got bands {scene.lr_bands} and {scene.hr_bands}, expected nir or red in both"
        )
    height, width = scene.lr.shape[-2:]
    if scene.hr.shape[-2:] != (height * SCALE, width * SCALE):
        raise ValueError(
            f"scene {scene.name}: got HR {scene.hr.shape[-2:]} for LR {(height, width)}, expected {SCALE} times LR"
        )
    return bands


def _counts(reflectance: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.rint(np.nan_to_num(reflectance).clip(0, 1) * WHITE).astype(np.uint16)


def _imgsets(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.glob("imgset*") if path.is_dir()}


def _split_of(name: str, held_out: dict[str, tuple[float, float]]) -> str:
    share = hold_out_share(name)
    return next((split for split, (low, high) in held_out.items() if low <= share < high), "train")


def _mask_of(frame: Path) -> Path:
    return frame.with_name(frame.name.replace("LR", "QM"))


def _expect(path: Path, image: NDArray[Any], shape: tuple[int, ...]) -> None:
    if image.shape != shape:
        raise ValueError(f"{path}: got {image.shape}, expected {shape}: download that imgset again")
