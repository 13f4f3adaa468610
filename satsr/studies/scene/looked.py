"""What comes out of a scene: seams, agreement with the input, whether the area asked for matters, and time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from satsr.data.rasters import open_raster
from satsr.models.consistent import halo_px, observe
from satsr.models.superresolver import SuperResolver
from satsr.scenes.apply import CUT, Block
from satsr.scenes.job import Area, How, Job
from satsr.scenes.noise import tolerance
from satsr.scenes.reach import Reach
from satsr.scenes.scene import Part
from satsr.scenes.seams import borders_of_blocks, seam_ratio
from satsr.scenes.super_resolve import super_resolve
from satsr.studies.scene.made import GSD_M, MadeScene
from satsr.studies.scene.settings import SceneSettings
from satsr.world.region import HR_GSD_M

Floats = NDArray[np.float32]
GREYS = 255
BEYOND, AREA_LEVELS = 0.01, 1.0  # limits of what is told; a level is what rounding alone may make


@dataclass(frozen=True)
class Look:
    """A scene that was super-resolved.

    Attributes:
        job: how.
        image: (C, H, W), shares of white, as read from the file.
        part: what its dates show.
    """

    job: Job
    image: Floats
    part: Part

    @property
    def shown(self) -> NDArray[np.float32]:
        """The image for a figure, (H, W, 3) in [0, 1]."""
        return np.moveaxis(self.image.clip(0, 1), 0, -1)


def measured(models: Mapping[str, SuperResolver]) -> dict[str, SuperResolver]:
    """Return models whose cards say how far they look, so that it is measured once and not for every scene."""
    for model in models.values():
        model.card = replace(model.card, on_scenes={**model.card.on_scenes, **Reach.of(model).for_card()})
    return dict(models)


def apply(
    scene: MadeScene, folder: Path, models: Mapping[str, SuperResolver], settings: SceneSettings
) -> dict[str, Look]:
    """Super-resolve a scene by every model, by the same function as `satsr super-resolve`; files go into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, model in models.items():
        path = folder / f"{name}.tif"
        job = _apply(scene, path, model, scene.area, settings)
        part = job.applied.scene.read(job.applied.scene.rows, job.applied.scene.columns)
        found[name] = Look(job, _image(path, job), part)
    return found


def facts(
    scene: MadeScene,
    folder: Path,
    looks: Mapping[str, Look],
    models: Mapping[str, SuperResolver],
    settings: SceneSettings,
) -> pd.DataFrame:
    """Look at outputs.

    Returns:
        One row per method: method, window_px, halo_px, seam_ratio, least_elsewhere, most_elsewhere (of the
        ratios with borders put elsewhere), levels (mean distance of the sensor's view from the
        composite, of 255), beyond (share of pixels further than the tolerance and half a level of rounding),
        area_levels (largest difference to the same pixels asked for alone, of 255).
    """
    rows = []
    for name, look in looks.items():
        applied = look.job.applied
        levels, beyond = _agreement(look)
        row = {"method": name, "window_px": applied.tiling.side, "halo_px": applied.tiling.halo}
        row |= _seams(look, *borders_of_blocks(applied, look.job.block_px // applied.model.card.scale))
        row |= {"levels": levels, "beyond": beyond}
        row["area_levels"] = _alone(scene, folder / f"{name}_part.tif", models[name], look, settings)
        rows.append(row)
    return pd.DataFrame(rows)


def times(scene: MadeScene, folder: Path, models: Mapping[str, SuperResolver], settings: SceneSettings) -> pd.DataFrame:
    """Measure square kilometres a second, reading and writing included, and of the model alone.

    Returns:
        One row per method and case (the largest area with one date, every area with all): method, side_px, dates,
        seconds, km2_per_s, model_km2_per_s.
    """
    rows = []
    largest = max(settings.timed_px)
    cases = [(largest, 1), *((side, settings.dates) for side in settings.timed_px)]
    for name, model in models.items():
        for side, dates in cases:
            job, seconds = _timed(scene, folder / "timed.tif", model, side, dates)
            row: dict[str, Any] = {"method": name, "side_px": side, "dates": dates, "seconds": seconds}
            row["km2_per_s"] = job.area_km2 / seconds
            rows.append({**row, "model_km2_per_s": job.area_km2 / _model_seconds(job)})
    return pd.DataFrame(rows)


def _apply(scene: MadeScene, path: Path, model: SuperResolver, area: Area, settings: SceneSettings) -> Job:
    asked = How(clouds=scene.clouds, precision="32-true", dates=settings.dates, side=_side(model, settings))
    return super_resolve(scene.products, path, model, area=area, how=asked, overwrite=True, anew=True, **scene.said)


def _side(model: SuperResolver, settings: SceneSettings) -> int:
    """Return the side of windows; 0 for a model with a size of its own."""
    return 0 if Reach.of(model).window_px else settings.window_px


def _image(path: Path, job: Job) -> Floats:
    with open_raster(path) as file:
        values = file.read().astype(np.float32) * np.array(file.scales, np.float32)[:, None, None]
    return np.asarray(values / job.applied.whites[:, None, None], np.float32)


def _seams(look: Look, rows: list[int], columns: list[int]) -> dict[str, float]:
    """Return the seam ratio, and the ends between which what the scene shows puts it: with borders elsewhere.

    Numbers that a scene of a single window does not have are NaN.
    """
    scale, (height, width) = look.job.applied.model.card.scale, look.image.shape[1:]
    if not rows and not columns:
        return dict.fromkeys(("seam_ratio", "least_elsewhere", "most_elsewhere"), np.nan)
    found = {"seam_ratio": seam_ratio(look.image, rows, columns, scale)}
    elsewhere: list[float] = []
    for shift in range(scale, scale * look.job.applied.tiling.stride, scale):
        down, across = ([(at + shift) % side for at in at_all] for at_all, side in ((rows, height), (columns, width)))
        if any(down) or any(across):  # at 0 there is nothing before it
            elsewhere.append(seam_ratio(look.image, down, across, scale))
    return {**found, "least_elsewhere": min(elsewhere), "most_elsewhere": max(elsewhere)}


def _agreement(look: Look) -> tuple[float, float]:
    applied, part = look.job.applied, look.part
    seen = observe(torch.from_numpy(look.image)[None], applied.sensor)[0].numpy()
    inside = (part.clear > 0) & (part.composite > CUT) & (part.composite < 1 - CUT)
    edge = halo_px(applied.sensor)  # there the sensor sees what lies outside of the file
    inside[:, :edge] = inside[:, -edge:] = False
    inside[:, :, :edge] = inside[:, :, -edge:] = False
    far = np.abs(seen - part.composite)
    allowed = tolerance(part.composite, part.clear, applied.model.card.bands_out, applied.whites)
    return GREYS * float(far[inside].mean()), float((far > allowed + 0.5 / GREYS)[inside].mean())


def _alone(scene: MadeScene, path: Path, model: SuperResolver, look: Look, settings: SceneSettings) -> float:
    """Return how far the middle of the scene, asked for alone, is from the same pixels of the whole."""
    height, width = look.part.composite.shape[-2:]
    row, column = (scene.area.window or (0, 0))[:2]
    area = Area(window=(row + height // 4, column + width // 4, height // 2, width // 2))
    alone = _image(path, _apply(scene, path, model, area, settings))
    scale = look.job.applied.model.card.scale
    top, left = scale * (height // 4), scale * (width // 4)
    same = look.image[:, top : top + alone.shape[1], left : left + alone.shape[2]]
    return GREYS * float(np.abs(alone - same).max())


def _timed(scene: MadeScene, path: Path, model: SuperResolver, side: int, dates: int) -> tuple[Job, float]:
    how = How(clouds=scene.clouds, precision="32-true", dates=dates)
    started = time.perf_counter()
    row, column = (scene.area.window or (0, 0))[:2]
    area = Area(window=(row, column, side, side))
    job = super_resolve(scene.products, path, model, area=area, how=how, overwrite=True, anew=True, **scene.said)
    return job, time.perf_counter() - started


def _model_seconds(job: Job) -> float:
    block = Block(job.applied.scene.rows, job.applied.scene.columns)
    part = job.applied.read(block)
    started = time.perf_counter()
    job.applied.make(block, part)
    return time.perf_counter() - started


def pictures(looks: Mapping[str, Look], scene: MadeScene) -> tuple[list[list[Floats]], list[str], list[str]]:
    """Return parts of the scene for `picture_grid`: rows, headings and labels; ground, where it is known, beside it."""
    first = next(iter(looks.values()))
    scale = first.job.applied.model.card.scale
    height, width = first.part.composite.shape[-2:]
    side = min(height, width) // 2
    to_ground = GSD_M / scale / HR_GSD_M  # ground pixels for one output pixel
    rows = []
    for top, left in ((0, 0), (height - side, width - side)):
        low = np.moveaxis(first.part.composite[:, top : top + side, left : left + side].clip(0, 1), 0, -1)
        cut = np.s_[scale * top : scale * (top + side), scale * left : scale * (left + side)]
        row = [low, *(look.shown[cut] for look in looks.values())]
        if scene.ground is not None:
            corners = [round(scale * n * to_ground) for n in (top, top + side, left, left + side)]
            row.append(scene.ground[corners[0] : corners[1], corners[2] : corners[3]] / np.float32(255))
        rows.append(row)
    last = [] if scene.ground is None else ["ground"]
    return rows, ["input", *looks, *last], ["north-west", "south-east"]


def sentence(facts: pd.DataFrame) -> str:
    """Say by rule whether seams show, outputs agree with their input, and the area matters."""
    seams = facts[facts.seam_ratio > facts.most_elsewhere].method
    beyond = facts[facts.beyond > BEYOND].method
    area = facts[facts.area_levels > AREA_LEVELS].method
    said = [
        f"borders of windows differ by more than other places do in {_named(seams)}",
        f"more than {100 * BEYOND:.0f} % of the pixels are further from the input than its noise in {_named(beyond)}",
        f"the area asked for moves a pixel by more than {AREA_LEVELS:g} levels in {_named(area)}",
    ]
    return f"**By rule.** {'; '.join(said)}."


def _named(methods: pd.Series) -> str:
    return ", ".join(methods) if len(methods) else "no method"
