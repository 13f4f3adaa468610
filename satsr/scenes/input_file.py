"""The input beside the output: the median of the clear dates on its own pixels, for maps and for looking again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from satsr.scenes.block_file import BlockFile
from satsr.scenes.cog import finish
from satsr.scenes.job import SHOWN, Job

SIDE_PX = 1024  # of a block
SAYS = "the median of the clear dates that a super-resolved image was made from"


def input_path(output: Path) -> Path:
    """Return where the input of an output lies: `OUT.input.tif` of `OUT.tif`."""
    return output.with_name(f"{output.stem}.input{output.suffix}")


def write_input(job: Job, output: Path, *, overwrite: bool = False, anew: bool = False) -> Path:
    """Write what the dates show, in the output's bands and units; a stopped run is gone on with.

    Args:
        job: that made the output.
        output: its file.
        overwrite: replace a file that is there.
        anew: do not go on with what another run left.

    Returns:
        The file.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written.
    """
    path, scene = input_path(output), job.applied.scene
    grid = scene.plan.grid
    bands = tuple(band for band in job.layout.bands if band.name in job.applied.model.card.bands_out)
    layout = replace(job.layout, height=grid.height, width=grid.width, bands=bands, transform=grid.transform)
    wanted = [scene.plan.channels.index(band.name) for band in bands]
    with BlockFile.open(path, layout, f"input {job.key}", block_px=SIDE_PX, overwrite=overwrite, anew=anew) as blocks:
        for block in blocks.missing():
            rows, columns = (
                range(axis.start + first, axis.start + first + count)
                for axis, first, count in (
                    (scene.rows, block.row, block.height),
                    (scene.columns, block.column, block.width),
                )
            )
            part = scene.read(rows, columns)
            numbers = job.stored(part.composite[wanted]).clip(*SHOWN[job.how.kind]).astype(job.how.kind)
            clear = part.clear > 0
            blocks.write(block, numbers, clear if job.polygon is None else clear & job.polygon.inside(layout, block))
        return finish(blocks, tags={"TIFFTAG_IMAGEDESCRIPTION": f"{output.stem}: {SAYS}"})
