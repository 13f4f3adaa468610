"""`satsr preview`: a thin door to `satsr.scenes.preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from satsr.cli.areas import pixels


def preview(
    image: Annotated[Path, typer.Argument(help="a GeoTIFF that `satsr super-resolve` wrote")],
    before: Annotated[
        Path | None, typer.Option(help="GeoTIFF of the input, same place and CRS; else OUT.input.tif beside the image")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="HTML page to write; else OUT.html beside the image")] = None,
    side: Annotated[int, typer.Option(help="pixels along a layer's longer side, at most")] = 2048,
    window: Annotated[str | None, typer.Option(help="row,column,height,width in pixels of the image; else all")] = None,
    stretch: Annotated[
        str, typer.Option(help="fixed (reflectance 0 to 0.3, 8-bit as it is) or percentile (2 to 98)")
    ] = "fixed",
    overwrite: Annotated[bool, typer.Option(help="replace a page that is there")] = False,
) -> None:
    """Write a map page of a super-resolved scene: one file that opens without a network."""
    from satsr.scenes.preview import preview as write

    part = pixels(window, "--window")
    page = write(image, output, before=before, side=side, window=part, stretch=stretch, overwrite=overwrite)  # type: ignore[arg-type]
    typer.echo(f"wrote {page}")


def register(app: typer.Typer) -> None:
    """Add the command to `satsr`."""
    app.command()(preview)
