"""Whether a series fits into memory, asked before anything is read."""

from __future__ import annotations

from pathlib import Path

from satsr.scenes.products.frames import STRIP_ROWS, WORKERS
from satsr.scenes.products.grid import Grid

COPIES = 2  # frames are held one by one, and then as one series; files are written from a copy
STRIP_BYTES = 24  # for each pixel and file of a strip: counts, what has data, reflectance, and what is made of them
GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container
GB = 1e9


def needed_bytes(grid: Grid, dates: int, channels: int, files: int) -> int:
    """Return how much memory a series takes at its largest.

    Args:
        grid: of every frame.
        dates: how many frames.
        channels: 8-bit ones of a frame.
        files: read for a frame.
    """
    pixels = grid.height * grid.width
    frame = pixels * (channels + 1)  # and what is valid
    # Of the frame that is being read: a piece, what it shows, its mask and what is new.
    work = pixels * (channels + 5) + min(grid.height, WORKERS * STRIP_ROWS) * grid.width * files * STRIP_BYTES
    return COPIES * dates * frame + work


def free_bytes() -> int:
    """Return how much memory this process may still take: of the machine, its container, and a limit set by a shell."""
    import resource

    import psutil

    free = psutil.virtual_memory().available
    used = psutil.Process().memory_info()
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        free = min(free, limit - used.vms)
    group = GROUP_LIMIT.read_text().strip() if GROUP_LIMIT.is_file() else "max"
    if group.isdigit():
        free = min(free, int(group) - used.rss)
    return max(0, free)


def check_fits(grid: Grid, dates: int, channels: int, files: int) -> None:
    """Refuse a series that is larger than memory.

    Raises:
        ValueError: it is; the line says how large it is, and what to do.
    """
    needed, free = needed_bytes(grid, dates, channels, files), free_bytes()
    if needed > free:
        raise ValueError(
            f"got {grid.height} x {grid.width} px of {dates} dates, which is too large: it takes {needed / GB:.1f} GB "
            f"of memory, expected at most the {free / GB:.1f} GB that are free: give smaller bounds, a smaller window "
            "or fewer dates (dates=1, or --dates 1)"
        )
