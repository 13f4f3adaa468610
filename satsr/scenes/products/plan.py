"""Which dates of a place are used, and how each is brought to its grid; nothing but that is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

from satsr.scenes.products.clouds import Source, lossy_mask
from satsr.scenes.products.date_choice import Choice, choose_dates
from satsr.scenes.products.frames import TrueColour, channels, read_frame, sources
from satsr.scenes.products.grid import Bounds, Grid, around, bounds_in, side_by_side
from satsr.scenes.products.memory import check_fits
from satsr.scenes.products.passes import Looked, Pass, Piece, in_words, look, passes_of
from satsr.scenes.products.pieces import Frame, Reader, read_pass
from satsr.scenes.products.place import check_overlap, covered_share, target_grid
from satsr.scenes.products.registration import MOST_PX, find_shift
from satsr.scenes.products.result import Note
from satsr.scenes.products.sentinel2 import Product, open_product

Clouds = Literal["auto", "none"] | Sequence[str | Path]


@dataclass(frozen=True)
class Planned:
    """One date that is used.

    Attributes:
        of: its pass.
        note: what became of it, and why.
        shift: how far (down, right) in pixels its content lies beside the clearest date's; what is read is moved back.
    """

    of: Pass
    note: Note
    shift: tuple[float, float] = (0.0, 0.0)

    def read(self, grid: Grid, reader: Reader) -> Frame:
        """Read it on a grid, or on a part of one."""
        return read_pass(self.of, grid.moved(*self.shift) if any(self.shift) else grid, reader)


@dataclass(frozen=True)
class Plan:
    """Dates of a place that are not read yet.

    Attributes:
        grid: of the place.
        scene: of all that the products cover, on the same lines of pixels.
        bands: `tci` and band names, as asked for.
        level: `L1C` or `L2A`.
        dates: in order of time.
        left_out: the other products.
        covered: share of the bounds that were asked for, where products reach less far.
    """

    grid: Grid
    scene: Grid
    bands: tuple[str, ...]
    level: str
    dates: tuple[Planned, ...]
    left_out: tuple[Note, ...]
    covered: float = 1.0

    @property
    def picture(self) -> bool:
        """Whether the dates are pictures in 8 bits."""
        return bool(self.dates[0].of.first.picture)

    @property
    def has_reflectance(self) -> bool:
        """Whether it is known what reflectance the dates' values are."""
        return not self.picture or self.level == "L1C"

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the frames' channels."""
        return channels(self.bands)


def plan(
    paths: Sequence[str | Path | Product],
    bounds: Bounds | None = None,
    *,
    bounds_crs: str = "EPSG:4326",
    window: tuple[int, int, int, int] | None = None,
    grid: Literal["own", "web-mercator"] | Grid = "own",
    bands: Sequence[str] = ("tci",),
    dates: int = 8,
    wanted: date | None = None,
    clouds: Clouds = "auto",
    tci: TrueColour = "bands",
    register_px: float | None = None,
    whole: bool = False,
    choose_by: Literal["area", "scene"] = "area",
    **how: Any,
) -> Plan:
    """Choose dates of a place.

    Args:
        paths: as of `series`, like all that follows down to `register_px`.
        bounds: see `series`.
        bounds_crs: see `series`.
        window: see `series`.
        grid: see `series`.
        bands: see `series`.
        dates: see `series`.
        wanted: see `series`.
        clouds: see `series`.
        tci: see `series`.
        register_px: see `series`.
        whole: the frames are going to be read whole, so they have to fit into memory.
        choose_by: `area` ranks dates by what they show of the area that is asked for, `scene` by what they show of all
            that the products cover, so that every part of a scene gets the same dates; likewise their registration.
        how: arguments of `open_product` for loose bands.

    Raises:
        FileNotFoundError: a product or a mask is missing.
        ValueError: as of `series`.
    """
    products = [p if isinstance(p, Product) else open_product(p, **how) for p in paths]
    masks = _masks(clouds, len(products))
    _check(products, bands, tci)
    target = target_grid(products, grid, bounds, bounds_crs, window)
    scene = _covered(products, target)
    judged = target if choose_by == "area" else scene
    shown = check_overlap(products, target)
    if judged is not target:
        shown = check_overlap(products, judged)
    pieces = [Piece(product, mask) for product, mask, there in zip(products, masks, shown, strict=True) if there]
    passes = passes_of(pieces)
    files = list(dict.fromkeys(sources(bands, tci)))
    if whole:
        check_fits(target, min(dates, len(passes)), len(channels(bands)), len(files))
    looked = [look(one, judged, files) for one in passes]
    choice = choose_dates([one.info for one in looked], dates, wanted)
    notes, beside = _notes(passes, looked, choice, files)
    beside += [
        Note(p.path, p.day, "shows nothing of the window: lies beside it")
        for p, there in zip(products, shown, strict=True)
        if not there
    ]
    if not choice.used:
        why = "; ".join(f"{note.path.name}: {note.reason}" for note in (*notes, *beside))
        raise ValueError(
            f"no date can be used ({why}): give other dates or bounds, or look at no mask (clouds='none', or "
            "--clouds none)"
        )
    used = [Planned(passes[n], notes[n]) for n in choice.used]
    if register_px is not None:
        used = _registered(used, judged, partial(read_frame, bands=bands, tci=tci), register_px)
    return Plan(
        grid=target,
        scene=scene,
        bands=tuple(bands),
        level=products[0].level,
        dates=tuple(sorted(used, key=lambda one: one.note.day)),
        left_out=(*(note for n, note in enumerate(notes) if n not in choice.used), *beside),
        covered=1.0 if bounds is None else covered_share(target, bounds, bounds_crs),
    )


def check_seen(plan: Plan) -> None:
    """Refuse dates, chosen by the whole scene, that show nothing of the area that is asked for.

    Raises:
        ValueError: they do not.
    """
    if plan.grid == plan.scene:
        return
    looked = (look(one.of, plan.grid, sources(plan.bands, "bands")).info for one in plan.dates)
    hidden = []
    for info in looked:
        if info.hidden < 1 - 1e-9:
            return
        hidden.append(f"{info.name}: {info.in_words}")
    raise ValueError(
        f"none of the dates that are used shows anything of the area ({'; '.join(hidden)}): choose them by it "
        "(choose_by='area', or --choose-by area), give others, or look at no mask (clouds='none', or --clouds none)"
    )


def _covered(products: Sequence[Product], grid: Grid) -> Grid:
    """Return the grid of all that products cover, on a grid's lines of pixels."""
    boxes = [grid.bounds, *(bounds_in(p.footprint, p.crs, grid.crs) for p in products)]
    return grid.covering(around(side_by_side(boxes, grid.crs)))


def _registered(dates: Sequence[Planned], grid: Grid, reader: Reader, limit_px: float) -> list[Planned]:
    """Return dates with how far each lies beside the first, seen in the middle of a grid."""
    middle = _middle(grid)
    first = dates[0].read(middle, reader)
    return [dates[0], *(_moved(one, first, one.read(middle, reader), dates[0].note.day, limit_px) for one in dates[1:])]


def _middle(grid: Grid) -> Grid:
    (row, height), (column, width) = ((max(0, (n - MOST_PX) // 2), min(n, MOST_PX)) for n in grid.shape)
    return grid.part(row, column, height, width)


def _moved(one: Planned, first: Frame, own: Frame, onto: date, limit_px: float) -> Planned:
    shift = find_shift(first.image, own.image, first.clear & own.clear)
    if shift is None:
        return _noted(one, "not registered: too little in common with the clearest date")
    down, right = shift
    if max(abs(down), abs(right)) > limit_px:
        return _noted(one, f"not registered: ({down:+.2f}, {right:+.2f}) px is beyond the limit of {limit_px:g} px")
    return replace(_noted(one, f"moved by ({-down:+.2f}, {-right:+.2f}) px onto {onto}"), shift=shift)


def _noted(one: Planned, text: str) -> Planned:
    return replace(one, note=replace(one.note, reason=f"{one.note.reason}; {text}"))


def _notes(
    passes: Sequence[Pass], looked: Sequence[Looked], choice: Choice, files: Sequence[str]
) -> tuple[list[Note], list[Note]]:
    """Return a note for every pass, by its first piece, and one for every other piece that is not named there."""
    notes, beside = [], []
    for one, seen, reason in zip(passes, looked, choice.reasons, strict=True):
        told = f"{in_words(one, seen)}{''.join(f'; {note}' for note in one.first.notes)}{_lossy_in_words(one, files)}"
        notes.append(Note(one.first.path, one.day, f"{reason}{told}"))
        for piece, share in zip(one.pieces[1:], seen.added[1:], strict=True):
            why = f"shows {share:.0%} of the window that it does not" if share else "adds nothing"
            beside.append(Note(piece.product.path, one.day, f"one pass with {one.first.path.name}: {why}"))
    return notes, beside


def _lossy_in_words(one: Pass, files: Sequence[str]) -> str:
    """Say which files of a pass do not hold the numbers that were written; empty where all do."""
    bands = {name for piece in one.pieces for name in files if name in piece.product.lossy}
    masks = {mask for piece in one.pieces if (mask := lossy_mask(piece.product, piece.clouds))}
    said = f"; lossy compression changed {', '.join(sorted(bands))}" if bands else ""
    return said + (f"; lossy compression changed the classes of {', '.join(sorted(masks))}" if masks else "")


def _masks(clouds: Literal["auto", "none"] | Sequence[str | Path], count: int) -> list[Source]:
    if clouds == "auto" or clouds == "none":
        return [clouds] * count
    if isinstance(clouds, str) or len(clouds) != count:
        raise ValueError(f"got clouds={clouds!r}, expected 'auto', 'none', or {count} mask files, one for each product")
    return [Path(c) for c in clouds]


def _check(products: Sequence[Product], bands: Sequence[str], tci: TrueColour) -> None:
    if not products:
        raise ValueError("got no products, expected at least one .SAFE folder, zip or folder of bands")
    if not bands:
        raise ValueError("got no bands, expected 'tci' or names such as b08")
    first = products[0]
    for path, count in Counter(p.path.resolve() for p in products).items():
        if count > 1:
            raise ValueError(f"{path} is given {count} times: give each product once")
    for product in products:
        _check_picture(product, first, bands, tci)
        if product.level != first.level:
            raise ValueError(
                f"{product.path} is {product.level} and {first.path} {first.level}: use products of one level, L1C as "
                "in the training data where you can"
            )
        if tci == "product" and "tci" in bands and product.level == "L2A":
            raise ValueError(
                f"{product.path}: its TCI file is 255 at reflectance 0.2, which no network saw: use tci='bands'"
            )
        for name in sources(bands, tci):
            product.check_has(name)


def _check_picture(product: Product, first: Product, bands: Sequence[str], tci: TrueColour) -> None:
    """Refuse a picture that does not go with the first product or with what is asked for, and one beside a product."""
    if bool(product.picture) != bool(first.picture):
        raise ValueError(
            f"got pictures beside products with their bands ({first.path}, {product.path}), expected one kind: give "
            "the bands of all dates, or pictures of all"
        )
    if not product.picture:
        return
    if product.level != first.level:
        raise ValueError(
            f"{product.path} is a picture of level {product.level} and {first.path} one of level {first.level}, whose "
            "values differ for the same ground: give pictures of one kind, or say what they are (level='L1C', or "
            "--level L1C)"
        )
    if others := [band for band in bands if band != "tci"]:
        raise ValueError(
            f"{product.path} is a picture of red, green and blue, and {', '.join(others)} is asked for: give the "
            "product with its bands, or take a model of red, green and blue"
        )
    if tci == "product":
        raise ValueError(f"{product.path} is a picture already: use tci='bands'")
