"""The papers' other data sets: every method, trained and scored on each of them through its published layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS, Facts, Reader
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.worldstrat import WorldStrat
from satsr.paths import Workspace
from satsr.settings import DataSetSettings, TrainSettings

MANIFEST = "data_sets.json"  # of the embedded twins, in a profile's results
TWIN = "embedded twin"
READERS: dict[str, type[Reader]] = {"probav": ProbaV, "worldstrat": WorldStrat, "oli2msi": OLI2MSI, "fmow": FMoW}


@dataclass(frozen=True)
class DataSet:
    """One data set of the study: its embedded twin, or a download.

    Attributes:
        name: a key of `READERS`.
        settings: where it is, and how a place becomes a sample.
        here: the profile's folders.
    """

    name: str
    settings: DataSetSettings
    here: Workspace

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.settings.path) if self.settings.path else self.here.sets / self.name

    @property
    def facts(self) -> Facts:
        """What its authors say of it."""
        return READERS[self.name].facts

    @property
    def title(self) -> str:
        """What tables call it; a twin never has the plain name of the data set."""
        return self.facts.title if self.settings.path else f"{self.facts.title} ({TWIN})"

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """Reader of every split."""
        return {split: READERS[self.name](self.folder, split) for split in SPLITS}

    def pairs(self, split: str) -> Pairs:
        """Return the usable pairs of a split."""
        return Pairs(self.readers[split], self.settings.pairs)

    @property
    def digest(self) -> str:
        """Digest of a twin's bytes; of a download's names, sizes and times, as reading all would take hours."""
        if not self.settings.path:
            manifest = json.loads((self.here.results / MANIFEST).read_text())
            return str(manifest[self.name]["sha256"])[:16]
        found = hashlib.sha256()
        for split, path in self._files():
            status = path.stat()
            found.update(f"{split} {path.relative_to(self.folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
        return found.hexdigest()[:16]

    def _files(self) -> Iterator[tuple[str, Path]]:
        """Go through the files of every split, and the tables beside them."""
        for path in sorted([*self.folder.glob("*.csv"), *self.folder.glob("*.json")]):
            yield "", path
        for split, reader in self.readers.items():
            for tile in reader.tiles:
                yield from ((split, path) for path in reader.files(tile))


def can_fuse(pairs: Pairs) -> bool:
    """Say whether latent diffusion fits a set: images in color, of several dates that are known."""
    return len(pairs.bands_out) == 3 and pairs.settings.dates > 1 and bool(pairs.pair(0).dt_days.isfinite().all())


def of_length(settings: TrainSettings, length: float, anew: bool = True) -> TrainSettings:
    """Return a training of another length, watched at its end only.

    Args:
        settings: of the method's own training.
        length: share of its steps; milestones and the start of the GAN move with it.
        anew: whether the last convolution is new; one that has been trained keeps its own mean.
    """

    def share(steps: int) -> int:
        return max(1, round(length * steps))

    return settings.model_copy(
        update={
            "steps": share(settings.steps),
            "gan_start": round(length * settings.gan_start),
            "milestones": tuple(map(share, settings.milestones)),
            "validate_every": share(settings.steps),
            "validate_images": 2,
            "start_at_mean": settings.start_at_mean and anew,
        }
    )


def counted(dataset: DataSet) -> dict[str, object]:
    """Return what the reader finds on disk: places of each split, dates, and ground area in km2."""
    rows = {split: dataset.pairs(split) for split in SPLITS}
    pair = rows["train"].pair(0)
    side_km = [size * pair.gsd_m / 1000 for size in pair.hr.shape[-2:]]
    every = pd.concat([pairs.index for pairs in rows.values()])
    return {
        **{split: len(pairs) for split, pairs in rows.items()},
        "frames": f"{every.frames.min()} to {every.frames.max()}",
        "LR px": " x ".join(map(str, pair.lr.shape[-2:])),
        "HR px": " x ".join(map(str, pair.hr.shape[-2:])),
        "km2": len(every) * side_km[0] * side_km[1],
    }


def neighbours(dataset: DataSet) -> dict[str, list[str]]:
    """Return the regions that more than one split holds: neighbours across splits would leak.

    Returns:
        region -> its splits; empty when all is well.
    """
    found: dict[str, set[str]] = {}
    for split, reader in dataset.readers.items():
        for tile in reader.tiles:
            found.setdefault(reader.region(tile), set()).add(split)
    return {region: sorted(splits) for region, splits in found.items() if len(splits) > 1}


def check_apart(datasets: Sequence[DataSet]) -> None:
    """Refuse data sets with a region in two splits.

    Raises:
        ValueError: there is one; the message names it.
    """
    for dataset in datasets:
        for region, splits in neighbours(dataset).items():
            raise ValueError(
                f"{dataset.title}: region {region} lies in {' and '.join(splits)}: move its tiles to one split, or "
                "give them regions of their own in regions.json"
            )
