"""The doors that files come in by: what is valid there, and how it is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

import satsr
from satsr.data.making.main_data import make_data
from satsr.data.settings import DataSettings
from satsr.models.files import save_model
from satsr.models.rrdbnet import SSR_RRDBNet
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.pipeline.params import load_study
from satsr.studies.agreement.votes import read_votes
from tests.made import make_oli2msi, make_safe, make_sen2venus, make_worldstrat

ROOT = Path(__file__).parents[2]
RGB = ("red", "green", "blue")
Command = Callable[..., tuple[int, str]]  # the command line: exit code, and what was said on stderr


@dataclass(frozen=True)
class Door:
    """One way in.

    Attributes:
        name: of the door.
        make: writes valid input into a folder.
        open: opens the input in the first folder, and writes into the second what the door writes; raises ValueError
            or OSError, or returns the command line's exit code and what was said.
        suffixes: of the input's files that are damaged; empty for all.
        tells: whether an error names the damaged file (some doors name its place or its set).
    """

    name: str
    make: Callable[[Path], object]
    open: Callable[[Path, Path, Command], tuple[int, str] | None]
    suffixes: tuple[str, ...] = ()
    tells: bool = True


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for side in ("sr", "hr"):
        (folder / side).mkdir(parents=True)
        for number, ending in enumerate(("png", "jpg", "tif")):
            image = Image.fromarray(rng.integers(1, 255, (48, 48, 3)).astype(np.uint8))
            image.save(folder / side / f"{number}.{ending}")


def _evaluate(given: Path, made: Path, command: Command) -> tuple[int, str]:
    return command("evaluate", given / "sr", given / "hr", "--metrics", "psnr", "--output", made / "scores.csv")


def _own_images(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number, ending in enumerate(("png", "jpg", "tif", "png")):
        Image.fromarray(rng.integers(1, 255, (128, 128, 3)).astype(np.uint8)).save(folder / f"{number}.{ending}")


def _make_data(given: Path, made: Path, command: Command) -> None:
    make_data(DataSettings(source="folder", path=str(given), dates=1), made / "data", dates=1)


def _safe(folder: Path) -> None:
    counts = np.full((24, 24), 1779, np.uint16)
    made = make_safe.Made(bands=("B02", "B03", "B04"), side_m=240, counts={b: counts for b in ("B02", "B03", "B04")})
    make_safe.write(folder, made)


def _sentinel2(given: Path, made: Path, command: Command) -> tuple[int, str]:
    (safe,) = given.glob("*.SAFE")
    return command("data", "sentinel2", safe, "--output", made / "series")


def _check(name: str) -> Callable[[Path, Path, Command], tuple[int, str]]:
    def opened(given: Path, made: Path, command: Command) -> tuple[int, str]:
        return command("data", "check", name, "--folder", given, "--workers", 0)

    return opened


def _model_folder(folder: Path) -> None:
    card = ModelCard("srcnn", {"hidden_channels": 16}, 2, RGB, RGB, 4)
    save_model(SuperResolver(card), folder / "model")


def _checkpoint(folder: Path) -> None:
    folder.mkdir(parents=True)
    network = SSR_RRDBNet(24, 3, num_feat=4, num_block=1, num_grow_ch=2)
    torch.save({"params_ema": network.state_dict()}, folder / "esrgan_8S2.pth")


def _params(folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "profiles", folder / "profiles")


def _load_study(given: Path, made: Path, command: Command) -> None:
    load_study(given, "overnight")


def _votes(folder: Path) -> None:
    folder.mkdir(parents=True)
    same = {"session": 1, "model1": "srcnn", "model2": "esrgan", "answer": 0}
    rows = [{**same, "place": f"{number}_0"} for number in range(8)]
    pd.DataFrame(rows).to_csv(folder / "votes.csv", index=False)


DOORS = (
    Door("evaluate", _pictures, _evaluate),
    Door("own images", _own_images, _make_data),
    Door("sentinel2", _safe, _sentinel2, tells=False),
    Door("check worldstrat", lambda folder: make_worldstrat.write(folder), _check("worldstrat"), tells=False),
    Door("check sen2venus", lambda folder: make_sen2venus.write(folder), _check("sen2venus"), tells=False),
    Door("check oli2msi", lambda folder: make_oli2msi.write(folder), _check("oli2msi"), tells=False),
    Door("model", _model_folder, lambda given, made, command: satsr.load_model(given / "model") and None),
    Door("checkpoint", _checkpoint, lambda given, made, command: satsr.load_model(given / "esrgan_8S2.pth") and None),
    Door("parameters", _params, _load_study, (".yaml",), tells=False),
    Door("votes", _votes, lambda given, made, command: read_votes(given / "votes.csv", ["srcnn", "esrgan"]) is None),
)
