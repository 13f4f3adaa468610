"""`satsr super-resolve`, `verify` and `release-model`: thin doors to `satsr.scenes`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from satsr.cli.areas import numbers, pixels
from satsr.cli.words import one_of
from satsr.common.paths import Workspace, project_root

DAYS = ["%Y-%m-%d"]
KINDS = ("uint16", "uint8", "float32")
PRECISIONS = ("auto", "bf16-mixed", "32-true")


def super_resolve(
    products: Annotated[
        list[Path],
        typer.Argument(
            help=".SAFE or .zarr folders, their zips, folders of loose bands, GeoTIFFs of all bands, or 8-bit pictures"
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="GeoTIFF to write, its record beside it as .json; without .tif a folder of many")
    ],
    model: Annotated[
        str | None, typer.Option(help="folder of a model, a released .pth, or bicubic; else the packaged one")
    ] = None,
    bounds: Annotated[
        str | None, typer.Option(help="left,bottom,right,top (left > right across the 180th meridian); else all")
    ] = None,
    bounds_crs: Annotated[str, typer.Option(help="of the bounds")] = "EPSG:4326",
    window: Annotated[str | None, typer.Option(help="row,column,height,width in pixels of the first product")] = None,
    polygon: Annotated[Path | None, typer.Option(help="GeoJSON; what is outside becomes no data")] = None,
    dates: Annotated[int, typer.Option(min=0, help="at most so many; 0 takes as many as the model was built for")] = 0,
    wanted: Annotated[
        datetime | None, typer.Option(formats=DAYS, help="the date to stand for; else the latest that is used")
    ] = None,
    clouds: Annotated[
        str, typer.Option(help="auto: products' own masks; none; or a file for each, not 0 under cloud, with commas")
    ] = "auto",
    register_px: Annotated[float, typer.Option(min=0, help="move dates onto the clearest, at most so far; 0: no")] = 2,
    choose_by: Annotated[str, typer.Option(help="rank dates by the whole scene, or by the area asked for")] = "scene",
    free: Annotated[bool, typer.Option(help="leave the output as the model makes it, whatever the dates show")] = False,
    kind: Annotated[
        str | None, typer.Option(help="uint16 (reflectance x 10,000), uint8 or float32; else uint8 of pictures, uint16")
    ] = None,
    support: Annotated[bool, typer.Option(help="add a band with the number of clear dates")] = False,
    uncertainty: Annotated[
        float, typer.Option(min=0, max=99, help="add half widths of intervals: 50, 80 or 95 percent; 0 adds none")
    ] = 0,
    watermark: Annotated[
        bool, typer.Option(help="lay a faint mark over the image that says that it is a model's estimate")
    ] = False,
    keep_input: Annotated[
        bool, typer.Option(help="leave the median of the clear dates beside the output, OUTPUT.input.tif")
    ] = False,
    batch: Annotated[int, typer.Option(min=0, help="windows at a time; 0 chooses")] = 0,
    window_px: Annotated[int, typer.Option(min=0, help="side of a window, input pixels; 0 chooses")] = 0,
    precision: Annotated[str, typer.Option(help="auto, bf16-mixed or 32-true")] = "auto",
    dry_run: Annotated[bool, typer.Option(help="say size and time, and compute nothing else")] = False,
    resume: Annotated[bool, typer.Option(help="go on with what a stopped run left, or begin anew")] = True,
    overwrite: Annotated[bool, typer.Option(help="replace the output once the new one is whole")] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="compute on the workers of a Dask scheduler, such as tcp://10.0.0.1:8786")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(min=0, help="compute in so many processes of this machine, on its GPUs in turn; 0: in this one"),
    ] = 0,
    level: Annotated[str | None, typer.Option(help="of loose bands: L1C or L2A")] = None,
    baseline: Annotated[str | None, typer.Option(help="processing baseline, such as 02.04")] = None,
    offset: Annotated[float | None, typer.Option(help="what to add to counts: 0 or -1000")] = None,
    day: Annotated[datetime | None, typer.Option(formats=DAYS, help="of loose bands without a date")] = None,
) -> None:
    """Super-resolve your own Sentinel-2 scene: a georeferenced file that says what it is."""
    from satsr.scenes.block_file import refuse_existing
    from satsr.scenes.distributed import Cluster
    from satsr.scenes.input_file import input_path, write_input
    from satsr.scenes.job import Area, How, prepare
    from satsr.scenes.super_resolve import estimate
    from satsr.scenes.super_resolve import super_resolve as apply

    if kind is not None:
        one_of("--kind", kind, KINDS)
    one_of("--precision", precision, PRECISIONS)
    one_of("--choose-by", choose_by, ("scene", "area"))
    area = Area(numbers(bounds, "--bounds"), bounds_crs, pixels(window, "--window"), polygon)  # type: ignore[arg-type]
    how = How(
        dates=dates,
        wanted=wanted.date() if wanted else None,
        clouds=clouds if clouds in ("auto", "none") else [Path(name) for name in clouds.split(",")],
        register_px=register_px or None,
        choose_by=choose_by,  # type: ignore[arg-type]
        consistent=not free,
        kind=kind or "auto",  # type: ignore[arg-type]
        support=support,
        interval=uncertainty / 100,
        watermark=watermark,
        batch=batch,
        side=window_px,
        precision=precision,  # type: ignore[arg-type]
    )
    said = {"level": level, "baseline": baseline, "offset": offset, "day": day.date() if day else None}
    given = {name: value for name, value in said.items() if value is not None}
    if dry_run:
        job = prepare(products, model, area, how, **given)
        typer.echo(f"{job.summary()}\n{estimate(job)}")
        return
    if keep_input:
        refuse_existing(input_path(output), overwrite)  # before hours of work
    cluster = Cluster(scheduler, workers) if scheduler or workers else None
    job = apply(
        products, output, model, area=area, how=how, overwrite=overwrite, anew=not resume, cluster=cluster, **given
    )
    typer.echo(f"{job.summary()}\nwrote {output}")
    if keep_input:
        typer.echo(f"wrote {write_input(job, output, overwrite=overwrite, anew=not resume)}")


def verify(path: Annotated[Path, typer.Argument(help="a file or folder that `satsr super-resolve` wrote")]) -> None:
    """Tell whether a super-resolved file and its record belong together; not who made them."""
    from satsr.scenes.collection import verify_collection
    from satsr.scenes.verify import verify as look

    found = verify_collection(path) if path.is_dir() else look(path)
    typer.echo("\n".join(found.lines()))
    raise typer.Exit(0 if found.passed else 1)


def release_model(
    profile: Annotated[str, typer.Argument(help="the run whose model comes with the package")],
    method: Annotated[str, typer.Option(help="of the main data, where the run trained no global model")] = "esrgan",
    seed: Annotated[int, typer.Option(help="of the training")] = 0,
    to: Annotated[
        Path | None, typer.Option(help="another folder, for `satsr super-resolve --model`; else the package")
    ] = None,
) -> None:
    """Put a run's model into the package: what `satsr super-resolve` takes when no other is named."""
    from satsr.book.released import release_from_run
    from satsr.scenes.packaged import PACKAGED

    typer.echo(f"wrote {release_from_run(project_root(), Workspace.of(profile), method, seed, to or PACKAGED)}")


def register(app: typer.Typer) -> None:
    """Add the commands to `satsr`."""
    app.command("super-resolve")(super_resolve)
    app.command()(verify)
    app.command("release-model")(release_model)
