"""What is asked for, and what follows from it: a scene, a model, and how the one is applied to the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from satsr.common.device import best_device, best_precision
from satsr.common.digests import content_digest, file_digest
from satsr.common.provenance import git_commit
from satsr.data.ground import pixel_m
from satsr.models.consistent import halo_px
from satsr.models.files import load_model
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.scenes import block_file
from satsr.scenes.apply import Applied, Block, Interval, Made, sensor_of
from satsr.scenes.block_file import Band, Layout
from satsr.scenes.packaged import PACKAGED
from satsr.scenes.polygon import Polygon
from satsr.scenes.products.clouds import Source
from satsr.scenes.products.frames import channels, sources
from satsr.scenes.products.frames import whites as whites_of
from satsr.scenes.products.grid import Bounds
from satsr.scenes.products.plan import Clouds, Plan, check_seen, plan
from satsr.scenes.products.result import reached
from satsr.scenes.products.sentinel2 import Product
from satsr.scenes.reach import FIXED_OVERLAP_PX, Reach
from satsr.scenes.scene import Scene
from satsr.scenes.tiling import Tiling
from satsr.scenes.uncertainty import Calibration
from satsr.scenes.watermark import marked

Kind = Literal["uint16", "uint8", "float32"]
RGB = ("red", "green", "blue")
COUNTS = 10_000  # of uint16, per unit of reflectance, as in the products
SHOWN = {"uint16": (1, 65_535), "uint8": (1, 255), "float32": (-np.inf, np.inf)}  # numbers that a pixel may have
NO_DATA = {"uint16": 0.0, "uint8": 0.0, "float32": float("nan")}
BICUBIC = "bicubic"
M2_PER_KM2 = 1e6
LOCAL_PX = {False: 192, True: 512}  # side of a window on a CPU and on a GPU, of models for which any will do
BLOCK_WINDOWS = 3  # along an axis, of models for which any window will do
FIXED_BLOCK_PX = 512  # low-resolution side of a block for the others
REGISTER_PX = 2.0
FUSED_DATES = 8  # of models that take any number of dates, one by one


@dataclass(frozen=True)
class Area:
    """Which part of a scene; all of it by default.

    Attributes:
        bounds: left, bottom, right, top.
        bounds_crs: of the bounds.
        window: row, column, height and width in pixels of the first product.
        polygon: GeoJSON file, instead of bounds; what lies outside becomes no data.
    """

    bounds: Bounds | None = None
    bounds_crs: str = "EPSG:4326"
    window: tuple[int, int, int, int] | None = None
    polygon: Path | None = None


@dataclass(frozen=True)
class How:
    """How a scene is super-resolved.

    Attributes:
        dates: at most so many; 0 takes as many as the model was built for, or 8 where it takes any number.
        wanted: the date that the output stands for; None takes the latest that is used.
        clouds: where clouds are told, see `series`.
        register_px: move dates onto the clearest one, at most so far; None leaves them.
        choose_by: rank dates by the whole `scene`, so that every area of it gets the same ones, or by the `area`.
        consistent: bring the output into agreement with what the dates show.
        kind: uint16 holds reflectance x 10,000, uint8 the 8-bit values of the training data, float32 reflectance;
            `auto` takes uint8 where pictures in 8 bits are given, else uint16.
        support: add a band with the number of clear dates.
        interval: add bands that tell how far the ground may be: half widths of intervals of this level, such as 0.8;
            0 adds none. A model whose card has no calibration has none to tell.
        watermark: lay a faint mark over the image, which says that it is a model's estimate.
        batch: windows at a time; 0 chooses.
        side: of a window in low-resolution pixels; 0 chooses. A model whose output depends on it keeps its own.
        precision: `auto` takes bfloat16 where the device multiplies matrices in it.
    """

    dates: int = 0
    wanted: date | None = None
    clouds: Clouds = "auto"
    register_px: float | None = REGISTER_PX
    choose_by: Literal["area", "scene"] = "scene"
    consistent: bool = True
    kind: Kind | Literal["auto"] = "auto"
    support: bool = False
    interval: float = 0.0
    watermark: bool = False
    batch: int = 0
    side: int = 0
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"


WHOLE, PLAIN = Area(), How()


@dataclass(frozen=True)
class Job:
    """A scene, a model, and all that was decided about them; nothing is computed yet.

    Attributes:
        applied: the model on the scene.
        how: as asked for.
        layout: of the output.
        block_px: side of an output block.
        polygon: outlines of the area, where it has any.
        key: digest of what decides the output.
        facts: the same in words and numbers, for the record.
        model_name: as it was asked for.
        model_sha256: of its weights.
    """

    applied: Applied
    how: How
    layout: Layout
    block_px: int
    polygon: Polygon | None
    key: str
    facts: dict[str, Any] = field(repr=False)
    model_name: str
    model_sha256: str

    @property
    def plan(self) -> Plan:
        """Dates and place."""
        return self.applied.scene.plan

    @property
    def pixel_km2(self) -> float:
        """Of the output, on the ground."""
        sides = pixel_m(self.layout)
        assert sides is not None, "a scene has a place on earth"
        return sides[0] * sides[1] / M2_PER_KM2

    @property
    def area_km2(self) -> float:
        """Of the output, likewise."""
        return self.pixel_km2 * self.layout.height * self.layout.width

    def summary(self) -> str:
        """Return a line for each product: what became of it, and why."""
        notes = [*(one.note for one in self.plan.dates), *self.plan.left_out]
        lines = [f"{n.day} {n.path.name}: {n.reason}" for n in sorted(notes, key=lambda note: note.day)]
        return "\n".join([*lines, *reached(self.plan.covered), *self.unlike_training()])

    def unlike_training(self) -> list[str]:
        """Say what the model was not trained with: level, number of dates, size of pixels."""
        card, plan = self.applied.model.card, self.plan
        pixel = abs(plan.grid.transform.a)
        said: list[str] = []
        if card.method == BICUBIC:
            return said
        if plan.level == "L2A" and "L2A" not in str(card.provenance.get("data_in_words", "")):
            said.append("these products are L2A, the model learned from level 1C: tones and haze differ")
        if len(plan.dates) < card.dates and not find_method(card.method).date_by_date:
            said.append(f"the model learned from {card.dates} dates, here are {len(plan.dates)}: they are repeated")
        if plan.grid.crs.is_projected and not 8 <= pixel <= 12.5:
            said.append(f"pixels are of {pixel:g} m, the model learned from those of 10 m")
        return [f"note: {line}" for line in said]

    def of(self, block: block_file.Block) -> Block:
        """Return the pixels of the scene that a block of the output shows."""
        scale, scene = self.applied.model.card.scale, self.applied.scene
        (row, height), (column, width) = ((block.row, block.height), (block.column, block.width))
        top, left = scene.rows.start + row // scale, scene.columns.start + column // scale
        return Block(range(top, top + height // scale), range(left, left + width // scale))

    def shown(self, block: block_file.Block, made: Made) -> NDArray[np.bool_]:
        """Return the pixels of a block that the output shows."""
        return made.valid if self.polygon is None else made.valid & self.polygon.inside(self.layout, block)

    def numbers(self, block: block_file.Block, made: Made) -> NDArray[Any]:
        """Return a block in the output's type."""
        image = marked(made.image, block.row, block.column) if self.how.watermark else made.image
        bands = [self.stored(image).clip(*SHOWN[self.how.kind])]
        if made.half_width is not None:
            bands.append(self.stored(made.half_width).clip(0, SHOWN[self.how.kind][1]))
        if self.how.support:
            bands.append(made.support[None])
        return np.concatenate([each.astype(self.how.kind) for each in bands])

    def stored(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return shares of white as the numbers that stand for them."""
        whites = self.applied.whites[:, None, None]
        if self.how.kind == "float32":
            return shares * whites
        return np.rint(shares * (255 if self.how.kind == "uint8" else whites * COUNTS))


def prepare(
    paths: Sequence[str | Path | Product],
    model: str | Path | SuperResolver | None = None,
    area: Area = WHOLE,
    how: How = PLAIN,
    **product: Any,
) -> Job:
    """Open a scene and a model and decide how the one is applied to the other.

    Args:
        paths: products of one level, see `open_product`.
        model: what `load_model` opens; `bicubic`, or a model; None takes the packaged one.
        area: which part.
        how: all else.
        product: arguments of `open_product` for loose bands.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a product, a model or an option that cannot be, or that do not go together.
    """
    if area.polygon is not None and (area.bounds is not None or area.window is not None):
        raise ValueError("got a polygon with bounds or a window, expected one of them")
    polygon = None if area.polygon is None else Polygon.read(area.polygon)
    network = _model(model)
    card = network.card
    bands = _bands(card)
    found = plan(
        paths,
        area.bounds if polygon is None else polygon.bounds(),
        bounds_crs=area.bounds_crs if polygon is None else "EPSG:4326",
        window=area.window,
        bands=bands,
        dates=how.dates or (FUSED_DATES if find_method(card.method).date_by_date else card.dates),
        wanted=how.wanted,
        clouds=how.clouds,
        register_px=how.register_px,
        choose_by=how.choose_by,
        **product,
    )
    check_seen(found)
    how = replace(how, kind=_kind(how.kind, found))
    scene = Scene(found)
    network = network.to(best_device()).eval()
    reach = Reach.of(network)
    tiling, origin, block = _tiling(reach, how, scene, card)
    applied = Applied(
        model=network,
        scene=scene,
        tiling=tiling,
        wanted=how.wanted or max(one.note.day for one in found.dates),
        origin=origin,
        consistent=how.consistent,
        batch=how.batch or (16 if best_device().type == "cuda" else 1),
        mixed=best_precision(how.precision, find_method(card.method).gpu_precision) == "bf16-mixed",
        interval=_interval(how, card) if how.interval else None,
    )
    sha256 = _weights_sha256(network)
    facts = _facts(applied, reach, how, sha256)
    facts |= {"polygon": polygon.shapes} if polygon else {}
    layout = _layout(found, card, how)
    key = content_digest([json.dumps([facts, layout.facts(), code_version()], sort_keys=True, default=str).encode()])
    return Job(applied, how, layout, block * card.scale, polygon, key, facts, _name(model, card), sha256)


def _model(asked: str | Path | SuperResolver | None) -> SuperResolver:
    if isinstance(asked, SuperResolver):
        return asked
    if asked == BICUBIC:
        return SuperResolver(ModelCard(BICUBIC, {}, 8, RGB, RGB, 4)).eval()
    if asked is not None and not Path(asked).exists():
        raise FileNotFoundError(
            f"{asked} is missing: expected a folder of a trained model, a released checkpoint such as esrgan_8S2.pth, "
            f"or {BICUBIC}; without --model the packaged model is used"
        )
    return load_model(asked or PACKAGED)


def _bands(card: ModelCard) -> tuple[str, ...]:
    """Return what to read for a model: `tci` in place of its red, green and blue."""
    names = list(card.bands_in)
    if tuple(names[: len(RGB)]) == RGB:
        names[: len(RGB)] = ["tci"]
    if missing := sorted(set(card.bands_out) - set(card.bands_in)):
        raise ValueError(
            f"the model makes {', '.join(missing)} from {', '.join(card.bands_in)}, expected bands that it is given: "
            "what it makes could not be compared with the scene; take another model"
        )
    return tuple(names)


def _kind(asked: Kind | Literal["auto"], plan: Plan) -> Kind:
    """Return the type of the output; reflectance is known of a picture that is ESA's of level 1C alone."""
    if asked == "auto":
        return "uint8" if plan.picture else "uint16"
    if asked != "uint8" and not plan.has_reflectance:
        raise ValueError(
            f"got kind {asked}, which holds reflectance, and pictures of level {plan.level}, whose 8 bits do not say "
            "which they are: take uint8 (kind='uint8', or --kind uint8), give the product with its bands, or say that "
            "they are ESA's of level 1C (level='L1C', or --level L1C)"
        )
    return asked


def _interval(how: How, card: ModelCard) -> Interval:
    calibration = Calibration.of_card(card.on_scenes)
    if calibration is None:
        raise ValueError(
            f"the card of this {card.method} has no calibrated intervals: take the packaged model, or a run's model "
            "with its calibration (satsr release-model PROFILE --method METHOD --to FOLDER)"
        )
    if how.interval not in calibration.weights:
        known = ", ".join(f"{100 * one:g}" for one in calibration.weights)
        raise ValueError(f"got an interval of {100 * how.interval:g} %, expected one that was calibrated: {known}")
    if not how.consistent:
        raise ValueError("got free outputs with intervals, which are known of outputs in agreement alone: ask for one")
    return Interval(how.interval, calibration)


def _tiling(reach: Reach, how: How, scene: Scene, card: ModelCard) -> tuple[Tiling, tuple[int, int] | None, int]:
    """Return the windows, the pixel from which they are counted, and the side of a block in low-resolution pixels.

    Windows that are counted anew in every block are as many as just cover it with what agreement looks at around it.
    """
    if reach.window_px:
        if how.side not in (0, reach.window_px):
            raise ValueError(
                f"got windows of {how.side} px, expected {reach.window_px}: this model's output depends on their size, "
                "which therefore belongs to it; leave it out"
            )
        return Tiling(reach.window_px, reach.halo_px, FIXED_OVERLAP_PX), (0, 0), FIXED_BLOCK_PX
    around = halo_px(sensor_of(card, scene)) if how.consistent else 0
    largest = max(len(scene.rows), len(scene.columns)) + 2 * (around + reach.halo_px)
    tiling = Tiling(how.side or min(LOCAL_PX[best_device().type == "cuda"], largest), reach.halo_px, 0)
    count = max(BLOCK_WINDOWS, -(-(2 * around + 1) // tiling.stride))
    return tiling, None, count * tiling.stride - 2 * around


def _layout(plan: Plan, card: ModelCard, how: How) -> Layout:
    scales = {"uint16": 1 / COUNTS, "float32": 1.0} if plan.has_reflectance else {"uint8": 1.0}
    whites = dict(zip(channels(_bands(card)), whites_of(_bands(card)), strict=True))
    bands = [
        Band(name, name if name in RGB else "undefined", scales.get(how.kind, float(whites[name]) / 255))
        for name in card.bands_out
    ]
    if how.interval:
        means = f"half width of the {100 * how.interval:g} % interval"
        bands += [replace(band, name=f"uncertainty of {band.name}: {means}", colour="undefined") for band in bands]
    if how.support:
        bands.append(Band("clear dates", scale=1.0, unit="dates"))
    fine = plan.grid.finer(card.scale)
    return Layout(fine.height, fine.width, tuple(bands), how.kind, fine.crs, fine.transform, NO_DATA[how.kind])


def _facts(applied: Applied, reach: Reach, how: How, sha256: str) -> dict[str, Any]:
    """Return what decides the output, in words and numbers."""
    plan, card = applied.scene.plan, applied.model.card
    return {
        "inputs": [
            {"name": piece.product.path.name, "sha256": _digest(piece.product, plan.bands), "day": one.note.day}
            for one in plan.dates
            for piece in one.of.pieces
        ],
        "counts": [_counts(piece.product, plan.bands) for one in plan.dates for piece in one.of.pieces],
        "clouds": [_mask(piece.clouds) for one in plan.dates for piece in one.of.pieces],
        "dates": [
            {"day": str(one.note.day), "why": one.note.reason, "moved_px": list(one.shift)} for one in plan.dates
        ],
        "left_out": [{"name": note.path.name, "day": str(note.day), "why": note.reason} for note in plan.left_out],
        "level": plan.level,
        "wanted": str(applied.wanted),
        "model": {"method": card.method, "weights": sha256},
        "reach": asdict(reach),
        "windows": asdict(applied.tiling),
        "precision": "bf16-mixed" if applied.mixed else "32-true",
        "consistent": how.consistent,
        **({"watermark": True} if how.watermark else {}),
        **({"interval": {"level": how.interval, **card.on_scenes}} if how.interval else {}),
    }


def _digest(product: Product, bands: Sequence[str]) -> str:
    """Return the SHA-256 of what is read of a product: files of its bands, and its masks."""
    return content_digest(product.contents(sources(bands, "bands")))


def _counts(product: Product, bands: Sequence[str]) -> dict[str, Any]:
    """Return what counts of a product mean: reflectance = (counts + offset) / quantification."""
    offsets = {name: product.offsets[name] for name in sources(bands, "bands")}
    return {"quantification": product.quantification, "offsets": offsets}


def _mask(source: Source) -> str:
    """Return where clouds are told: `auto`, `none`, or the digest of a file of one's own."""
    return source if isinstance(source, str) else file_digest(source)


def code_version() -> tuple[str, str]:
    """Return the version of this package, and the commit of its code where it lies in its repository."""
    root = Path(__file__).resolve().parents[2]
    return metadata.version("satsr"), git_commit(root) if (root / ".git").exists() else "unknown"


def _weights_sha256(model: SuperResolver) -> str:
    values = sorted(model.network.state_dict().items())
    return content_digest(part for name, value in values for part in (name.encode(), value.cpu().numpy().tobytes()))


def _name(asked: str | Path | SuperResolver | None, card: ModelCard) -> str:
    if asked is None:
        return f"{card.method}, comes with the package"
    return card.method if isinstance(asked, SuperResolver) else Path(asked).name
