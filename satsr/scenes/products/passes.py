"""Passes: what one satellite took of a place in one go, in as many files as it came in.

A datatake is cut where it was sent to the ground, at the borders of tiles and of zones; it is processed again, and lies
on disk twice. All of that is one date. Where several pieces show a pixel, the one of the newest processing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.products.clouds import Source, hidden
from satsr.scenes.products.date_choice import DateInfo
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.radiometry import age
from satsr.scenes.products.reading import read_shown, read_together
from satsr.scenes.products.sentinel2 import Product

MINUTE = "%Y%m%dT%H%M"
ONE_PASS = timedelta(minutes=5)  # two satellites come to a place tens of minutes apart
LOOK_PX = 512  # longer side of the grid on which a date's clouds are counted


@dataclass(frozen=True)
class Piece:
    """A product of a pass that overlaps the place, and where its clouds are told."""

    product: Product
    clouds: Source


@dataclass(frozen=True)
class Pass:
    """One pass over a place.

    Attributes:
        pieces: the newest processing first.
    """

    pieces: tuple[Piece, ...]

    @property
    def first(self) -> Product:
        """The piece that is named."""
        return self.pieces[0].product

    @property
    def day(self) -> date:
        """When it was taken."""
        return self.first.day


@dataclass(frozen=True)
class Looked:
    """A pass, looked at on a coarse grid.

    Attributes:
        info: what is known of it, for the choice of dates.
        added: of every piece, the share of the grid that no piece before it shows.
    """

    info: DateInfo
    added: tuple[float, ...]


def passes_of(pieces: Sequence[Piece]) -> list[Pass]:
    """Put pieces of one pass together: those taken from one time on; one that does not say so stands alone."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        own = next((g for g in groups if _together(g[0].product, piece.product)), None)
        if own is None:
            groups.append([piece])
        else:
            own.append(piece)
    return [Pass(tuple(sorted(own, key=lambda p: age(p.product.baseline), reverse=True))) for own in groups]


def _together(first: Product, other: Product) -> bool:
    """Whether two products are of one pass of a satellite.

    Their minutes are equal in ESA's names, and close where each tile has its own, as Theia's do. Two satellites may fly
    that close behind each other.
    """
    if not first.taken or not other.taken or (first.satellite and other.satellite not in ("", first.satellite)):
        return False
    apart = datetime.strptime(other.taken, MINUTE) - datetime.strptime(first.taken, MINUTE)
    return abs(apart) <= ONE_PASS


def look(one: Pass, grid: Grid, bands: Sequence[str]) -> Looked:
    """Return what share of a grid a pass shows in all of its bands, counted on at most 512 pixels a side.

    Args:
        one: the pass.
        grid: of the series.
        bands: names of the files that its frames are made from.
    """
    coarse = grid.finer(min(1.0, LOOK_PX / max(grid.shape)))
    shown, cloudy = np.zeros(coarse.shape, bool), np.zeros(coarse.shape, bool)
    added, told = [0.0] * len(one.pieces), False
    for number, piece in enumerate(one.pieces):
        masks = hidden(piece.product, coarse, piece.clouds)
        new = piece.product.inside(_seen(piece.product, coarse, bands)) & ~masks.empty & ~shown
        if masks.clouds is not None:
            told, cloudy = True, cloudy | (new & masks.clouds)
        shown |= new
        added[number] = float(new.mean())
        if shown.all():
            break
    info = DateInfo(
        name=one.first.path.name,
        day=one.day,
        empty=float(1 - shown.mean()),
        cloudy=float(cloudy.mean()) if told else None,
    )
    return Looked(info, tuple(added))


def _seen(product: Product, grid: Grid, bands: Sequence[str]) -> NDArray[np.bool_]:
    """Return where each band has data (C, h, w)."""
    layers = [product.layer(band) for band in bands]
    if product.picture:  # of one file, which is decoded once
        return read_together(layers, grid, "nearest")[1]
    return np.stack([read_shown(layer, grid, "nearest")[1].all(axis=0) for layer in layers])


def in_words(one: Pass, looked: Looked) -> str:
    """Say which pieces of a pass show something beside the first, and that processings are mixed; empty for one."""
    with_share = [
        (piece.product, share) for piece, share in zip(one.pieces[1:], looked.added[1:], strict=True) if share > 0
    ]
    if not with_share:
        return ""
    said = ", ".join(f"{product.path.name} ({share:.0%} of it)" for product, share in with_share)
    baselines = {product.baseline for product, _ in with_share} | {one.first.baseline}
    mixed = f"; processing baselines {', '.join(sorted(map(str, baselines)))} are mixed" if len(baselines) > 1 else ""
    return f"; one pass with {said}{mixed}"
