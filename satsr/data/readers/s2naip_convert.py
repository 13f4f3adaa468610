"""S2-NAIP between the layout of today and that of the paper's time: the same files in other places.

Images are copied byte by byte. Both layouts are described in `satsr.data.readers.s2naip`; what stands beside the
images (objects, weights, old NAIP, sidecars) lies in the same place in both.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from satsr.common.stray import own_files
from satsr.common.tile_grid import REGION_TILES
from satsr.data.readers.s2naip_folder import BANDS, region_of

NEW_HR = re.compile(r"naip/([^/]+)/(\d+_\d+)/rgb\.png")
NEW_LR = re.compile(r"sentinel2/(\d+_\d+)/(\w+)\.png")
OLD_HR = re.compile(r"naip_128/([^/]+)/tci/(\d+_\d+)\.png")
OLD_LR = re.compile(r"s2_condensed/(\d+)_(\d+)/(?:(\w+)/)?(\d+)_(\d+)\.png")  # row first in the file's name


def to_old(name: str) -> str:
    """Return where a file of a split in today's layout lies in the old one."""
    if found := NEW_HR.fullmatch(name):
        return f"naip_128/{found[1]}/tci/{found[2]}.png"
    if (found := NEW_LR.fullmatch(name)) and found[2] in BANDS:
        column, row = (int(part) % REGION_TILES for part in found[1].split("_"))
        band = "" if found[2] == "tci" else f"{found[2]}/"
        return f"s2_condensed/{region_of(found[1])}/{band}{row}_{column}.png"
    return name


def to_new(name: str) -> str:
    """Return where a file of a split in the old layout lies in today's."""
    if found := OLD_HR.fullmatch(name):
        return f"naip/{found[1]}/{found[2]}/rgb.png"
    if found := OLD_LR.fullmatch(name):
        column = int(found[1]) * REGION_TILES + int(found[5])
        row = int(found[2]) * REGION_TILES + int(found[4])
        return f"sentinel2/{column}_{row}/{found[3] or 'tci'}.png"
    return name


def convert_layout(
    folder: Path, output: Path, rename: Callable[[str], str], advance: Callable[[int], None] = lambda count: None
) -> Path:
    """Copy a data set, all its sets, into the other layout.

    Args:
        folder: holds the splits' folders.
        output: the new data set's folder, there when all of it is written.
        rename: `to_old` or `to_new`.
        advance: told how many files have been copied.

    Raises:
        FileExistsError: `output` is there already.
        FileNotFoundError: no image of the layout that is read.
    """
    if output.exists():
        raise FileExistsError(f"{output} is there already: remove it, or choose another folder")
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was interrupted
    renamed = 0
    for name in _files(folder):
        split_folder, inside = name.parts[0], str(PurePosixPath(*name.parts[1:]))
        target = partial / split_folder / rename(inside)
        renamed += rename(inside) != inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
        advance(1)
    if not renamed:
        shutil.rmtree(partial, ignore_errors=True)
        raise FileNotFoundError(f"{folder}: expected sets in the layout to convert, such as val_set/, found none")
    partial.rename(output)
    return output


def _files(folder: Path) -> Iterator[PurePosixPath]:
    """Return the files of the splits below a folder, in a fixed order."""
    for path in own_files(folder, "*/**/*"):
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix())
