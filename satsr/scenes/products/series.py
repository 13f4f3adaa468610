"""Products to a series: the same pixels of the best dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.products.clouds import Source, hidden, lossy_mask
from satsr.scenes.products.date_choice import Choice, choose_dates
from satsr.scenes.products.frames import TrueColour, channels, read_frame, sources
from satsr.scenes.products.grid import Bounds, Grid
from satsr.scenes.products.memory import check_fits
from satsr.scenes.products.passes import Looked, Pass, Piece, in_words, look, passes_of
from satsr.scenes.products.place import check_overlap, target_grid
from satsr.scenes.products.registration import find_shift
from satsr.scenes.products.result import Note, Series
from satsr.scenes.products.sentinel2 import Product, open_product


def series(
    paths: Sequence[str | Path | Product],
    bounds: Bounds | None = None,
    *,
    bounds_crs: str = "EPSG:4326",
    window: tuple[int, int, int, int] | None = None,
    grid: Literal["own", "web-mercator"] | Grid = "own",
    bands: Sequence[str] = ("tci",),
    dates: int = 8,
    wanted: date | None = None,
    clouds: Literal["auto", "none"] | Sequence[str | Path] = "auto",
    tci: TrueColour = "bands",
    register_px: float | None = None,
    **how: Any,
) -> Series:
    """Read the best dates of a place from products. Only the window is read.

    A date is a pass of a satellite: products that it took from one minute on are pieces of one frame, whatever tiles,
    zones and processings they are of.

    Args:
        paths: products of one level, any tiles and CRS; see `open_product`, or opened by it.
        bounds: left, bottom, right, top, cut to what the products cover; the first product's footprint when there is no
            window either. In degrees, left > right crosses the 180th meridian.
        bounds_crs: of the bounds; longitude comes before latitude.
        window: row, column, height and width in pixels of the first product, instead of bounds.
        grid: `own` is that of the first product that overlaps the bounds, 10 m; `web-mercator` the training data's,
            whole zoom-17 tiles of 32 x 32 pixels of nominal 9.555 m; or a grid that is taken as it is.
        bands: `tci` (red, green, blue) and band names such as `b08`.
        dates: at most so many are used.
        wanted: of equally clear dates the nearest to this one are used.
        clouds: `auto` takes SCL of level 2A and MSK_CLASSI or MSK_CLOUDS of level 1C, `none` looks at no mask; or one
            raster for each product, not 0 under cloud.
        tci: `bands` computes the true-colour image from B04, B03 and B02, `product` takes level 1C's own file.
        register_px: move dates onto the clearest one by phase correlation, at most so many pixels down or right; a
            larger shift is not believed and the date stays where it is. None leaves all where their products say.
        how: arguments of `open_product` for loose bands.

    Raises:
        FileNotFoundError: a product or a mask is missing.
        ValueError: a file cannot be read, a band is missing, levels are mixed, nothing overlaps the bounds, no date
            shows the ground, the series is larger than memory, or arguments contradict each other; one line that names
            the file and the remedy.
    """
    products = [p if isinstance(p, Product) else open_product(p, **how) for p in paths]
    masks = _masks(clouds, len(products))
    _check(products, bands, tci)
    target = target_grid(products, grid, bounds, bounds_crs, window)
    shown = check_overlap(products, target)
    pieces = [Piece(product, mask) for product, mask, there in zip(products, masks, shown, strict=True) if there]
    passes = passes_of(pieces)
    files = list(dict.fromkeys(sources(bands, tci)))
    check_fits(target, min(dates, len(passes)), len(channels(bands)), len(files))
    looked = [look(one, target, files) for one in passes]
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
    frames = [_Frame.read(passes[n], target, bands, tci, notes[n]) for n in choice.used]
    if register_px is not None:
        frames = [frames[0], *(f.registered(frames[0], register_px) for f in frames[1:])]
    frames.sort(key=lambda frame: frame.note.day)
    return Series(
        images=np.stack([f.image for f in frames]),
        channels=channels(bands),
        valid=np.stack([f.valid for f in frames]),
        dates=tuple(f.note.day for f in frames),
        transform=target.transform,
        crs=target.crs,
        level=products[0].level,
        used=tuple(f.note for f in frames),
        left_out=(*(note for n, note in enumerate(notes) if n not in choice.used), *beside),
    )


def _notes(
    passes: Sequence[Pass], looked: Sequence[Looked], choice: Choice, files: Sequence[str]
) -> tuple[list[Note], list[Note]]:
    """Return a note for every pass, by its first piece, and one for every other piece that is not named there."""
    notes, beside = [], []
    for one, seen, reason in zip(passes, looked, choice.reasons, strict=True):
        notes.append(Note(one.first.path, one.day, f"{reason}{in_words(one, seen)}{_lossy_in_words(one, files)}"))
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


@dataclass(frozen=True)
class _Frame:
    """One date on the grid, and how it came there."""

    of: Pass
    grid: Grid
    bands: Sequence[str]
    tci: TrueColour
    image: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    note: Note

    @classmethod
    def read(cls, of: Pass, grid: Grid, bands: Sequence[str], tci: TrueColour, note: Note) -> _Frame:
        image = np.zeros((*grid.shape, len(channels(bands))), np.uint8)
        shown, valid = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
        for piece in of.pieces:
            own, inside = read_frame(piece.product, grid, bands, tci)
            masks = hidden(piece.product, grid, piece.clouds)
            own[masks.empty] = 0
            new = inside & ~masks.empty & ~shown
            if piece is of.pieces[0]:
                image = own
            else:
                taken = new | ~image.any(
                    axis=-1
                )  # where one band alone has data, it stays to be seen, and is not valid
                image[taken] = own[taken]
            valid |= new if masks.clouds is None else new & ~masks.clouds
            shown |= new
            if shown.all():
                break
        return cls(of, grid, bands, tci, image, valid, note)

    def registered(self, first: _Frame, limit_px: float) -> _Frame:
        """Read the frame again where its content lies on the first's."""
        shift = find_shift(first.image, self.image, first.valid & self.valid)
        if shift is None:
            return self._noted("not registered: too little in common with the clearest date")
        down, right = shift
        if max(abs(down), abs(right)) > limit_px:
            return self._noted(f"not registered: ({down:+.2f}, {right:+.2f}) px is beyond the limit of {limit_px:g} px")
        moved = self._noted(f"moved by ({-down:+.2f}, {-right:+.2f}) px onto {first.note.day}")
        return _Frame.read(self.of, self.grid.moved(down, right), self.bands, self.tci, moved.note)

    def _noted(self, text: str) -> _Frame:
        return replace(self, note=replace(self.note, reason=f"{self.note.reason}; {text}"))


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
