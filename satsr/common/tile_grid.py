"""The grid of zoom-17 Web-Mercator tiles that S2-NAIP and the embedded world lie on: sizes, and places in metres."""

from __future__ import annotations

LR_PX, HR_PX, SCALE = 32, 128, 4
ZOOM_TILES = 2**17  # along each side of the Web-Mercator square
HR_GSD_M = 40_075_016.686 / ZOOM_TILES / HR_PX  # nominal Web-Mercator metres: 2.389
TILE_M = HR_GSD_M * HR_PX


def corner_m(col: int, row: int) -> tuple[float, float]:
    """Return x and y of the north-west corner of a zoom-17 tile, in metres of EPSG:3857."""
    middle = ZOOM_TILES // 2
    return col * TILE_M - middle * TILE_M, middle * TILE_M - row * TILE_M


RADIUS_M = 6_378_137.0  # of EPSG:3857's sphere


REGION_TILES = 16  # tiles are grouped 16 x 16, as in the published `{col//16}_{row//16}` folders
