"""`satsr data list`, `get`, `check`, `convert`, `leakage`, `sentinel2`, `pair-fmow`: thin doors to `satsr.data`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from satsr.cli.areas import numbers, pixels
from satsr.cli.words import no_folder, one_of
from satsr.common.writing import write_whole

Root = Annotated[Path | None, typer.Option(help="folder of data sets; else $SATSR_DATA, else data/published")]
Folder = Annotated[Path | None, typer.Option(help="the data set's own folder; else the one of its name in the root")]
Name = Annotated[str, typer.Argument(help="a name that `satsr data list` prints, or shards")]
S2NAIP_LAYOUTS = ("s2naip", "s2naip-old")


def list_(root: Root = None) -> None:
    """Say which data sets there are, where they come from, and what is on disk."""
    from satsr.cli.show import print_table
    from satsr.data.catalogue import listed

    print_table(("name", "title", "size", "licence", "from", "on disk"), listed(_root(root)))


def get(
    name: Name,
    root: Root = None,
    shards: Annotated[int | None, typer.Option(min=1, help="only the first so many archives")] = None,
    pattern: Annotated[str | None, typer.Option(help="only files that fit, such as 'val_set/*'")] = None,
    threads: Annotated[int, typer.Option(min=1, help="files at a time")] = 4,
    unpack: Annotated[bool, typer.Option(help="unpack tar and zip archives")] = True,
) -> None:
    """Download a data set; run again to go on after an interrupt."""
    from satsr.data.downloads.download import get as download

    folder = download(name, _root(root), shards=shards, pattern=pattern, threads=threads, unpacking=unpack)
    typer.echo(f"{folder} is complete; satsr data check {name} reads all of it")


def check(
    name: Name,
    root: Root = None,
    folder: Folder = None,
    workers: Annotated[int | None, typer.Option(min=0, help="processes; 0 for none")] = None,
) -> None:
    """Read every place and say what is missing, unreadable, black, misnamed or there twice."""
    from satsr.data.checks.check import REPORT_FILE, check_folder

    where = folder or _root(root) / name
    report = check_folder(name, where, workers)
    typer.echo(f"{report.summary()}\nwrote {where / REPORT_FILE}")
    raise typer.Exit(0 if report.good else 1)


def convert(
    name: Name,
    to: Annotated[str, typer.Option(help="shards; s2naip-old from s2naip, and the other way round")],
    output: Annotated[Path, typer.Option(help="folder to make; for shards, the one that gets a folder per split")],
    root: Root = None,
    folder: Folder = None,
    split: Annotated[str | None, typer.Option(help="only this one, for shards")] = None,
    bands: Annotated[str | None, typer.Option(help="comma-separated, for shards; else those a model sees")] = None,
    per_shard: Annotated[int, typer.Option(min=1, help="places in a file")] = 2048,
) -> None:
    """Write a data set in another form: shards for fast training, or the other S2-NAIP layout."""
    from satsr.data.readers.s2naip_convert import convert_layout, to_new, to_old

    where = folder or _root(root) / name
    if to == "shards":
        _to_shards(name, where, output, split, bands, per_shard)
    elif {name, to} == set(S2NAIP_LAYOUTS):
        with _counter("files") as advance:
            convert_layout(where, output, to_old if to == "s2naip-old" else to_new, advance)
    else:
        raise ValueError(f"got {name} to {to}, expected --to shards, or from s2naip to s2naip-old or back")
    typer.echo(f"wrote {output}")


def leakage(
    name: Name,
    root: Root = None,
    folder: Folder = None,
    least_m: Annotated[float, typer.Option(min=0, help="fail when a test or validation tile is closer")] = 0.0,
    output: Annotated[Path | None, typer.Option(help="CSV with the nearest training tile of each")] = None,
) -> None:
    """Say how far test and validation tiles lie from those of training."""
    from satsr.data.catalogue import reader_class
    from satsr.data.checks.check import open_splits
    from satsr.data.checks.leakage import check_distance, nearest_training_tiles, positions

    no_folder("--output", output)
    readers = open_splits(reader_class(name), folder or _root(root) / name)
    found = nearest_training_tiles(positions({reader.split: reader for reader in readers}))
    if output is not None:
        write_whole(output, found.to_csv(index=False))
    for split, some in found.groupby("split"):
        first = some.iloc[0]
        typer.echo(
            f"{split}: {len(some)} tiles, nearest {first.distance_m:.0f} m ({first.tile} to {first.nearest}), "
            f"median {some.distance_m.median():.0f} m"
        )
    check_distance(found, least_m)


def sentinel2(
    products: Annotated[
        list[Path],
        typer.Argument(help=".SAFE or .zarr folders, their zips, folders of loose bands, or GeoTIFFs of all bands"),
    ],
    output: Annotated[Path, typer.Option(help="folder for one GeoTIFF per date")],
    bounds: Annotated[
        str | None,
        typer.Option(help="left,bottom,right,top (left > right across the 180th meridian); else the first product's"),
    ] = None,
    bounds_crs: Annotated[str, typer.Option(help="of the bounds")] = "EPSG:4326",
    window: Annotated[str | None, typer.Option(help="row,column,height,width in pixels of the first product")] = None,
    grid: Annotated[str, typer.Option(help="own, or web-mercator for the training data's")] = "own",
    bands: Annotated[str, typer.Option(help="comma-separated: tci, b08, ...")] = "tci",
    dates: Annotated[int, typer.Option(min=1, help="at most so many")] = 8,
    wanted: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="of equally clear dates the nearest")
    ] = None,
    register_px: Annotated[
        float | None, typer.Option(min=0, help="move dates onto the clearest, at most so far")
    ] = None,
    level: Annotated[str | None, typer.Option(help="of loose bands: L1C or L2A")] = None,
    baseline: Annotated[str | None, typer.Option(help="processing baseline, such as 02.04")] = None,
    offset: Annotated[float | None, typer.Option(help="what to add to counts: 0 or -1000")] = None,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="of loose bands without a date")] = None,
    clouds: Annotated[str, typer.Option(help="auto takes the products' own masks, none looks at no mask")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="remove other dates that an earlier run wrote there")] = False,
) -> None:
    """Make a model's input from your own Sentinel-2 products: the best dates on one grid, scaled as in training."""
    from satsr.scenes.products import series
    from satsr.scenes.products.write import write_series

    one_of("--grid", grid, ("own", "web-mercator"))
    one_of("--clouds", clouds, ("auto", "none"))
    how: Any = {"level": level, "baseline": baseline, "offset": offset, "day": day.date() if day else None}
    found = series(
        products,
        numbers(bounds, "--bounds"),  # type: ignore[arg-type]
        bounds_crs=bounds_crs,
        window=pixels(window, "--window"),  # type: ignore[arg-type]
        grid=grid,  # type: ignore[arg-type]
        bands=bands.split(","),
        dates=dates,
        wanted=wanted.date() if wanted else None,
        register_px=register_px or None,
        clouds=clouds,
        **{name: value for name, value in how.items() if value is not None},
    )
    typer.echo(found.summary())
    for path in write_series(found, output, overwrite=overwrite):
        typer.echo(f"wrote {path}")


def pair_fmow(
    rgb: Annotated[Path, typer.Argument(help="folder of fMoW-RGB")],
    sentinel: Annotated[Path, typer.Argument(help="folder of fMoW-Sentinel")],
    output: Annotated[Path, typer.Option(help="pairs.csv of the folder that holds both, which the reader opens")],
    max_days: Annotated[float, typer.Option(min=0, help="farthest Sentinel-2 image in time")] = 45.0,
) -> None:
    """Pair fMoW-RGB with fMoW-Sentinel by place and relative time, from their public indexes."""
    from satsr.data.readers.fmow_pairs import summary, write_pairs_index

    no_folder("--output", output)
    typer.echo(f"{summary(write_pairs_index(rgb, sentinel, output, max_days))}\nwrote {output}")


def register(app: typer.Typer) -> None:
    """Add the commands to `satsr data`."""
    app.command("list")(list_)
    for command in (get, check, convert, leakage, sentinel2, pair_fmow):
        app.command()(command)


def _to_shards(name: str, folder: Path, output: Path, split: str | None, bands: str | None, per_shard: int) -> None:
    from satsr.data.catalogue import reader_class
    from satsr.data.checks.check import open_splits
    from satsr.data.shards.shards import write_all_shards

    kind = reader_class(name)
    readers = open_splits(kind, folder) if split is None else [kind(folder, split)]
    with _counter("places", sum(len(reader.tiles) for reader in readers)) as advance:
        write_all_shards(readers, bands.split(",") if bands else (), output, per_shard, advance)


def _root(root: Path | None) -> Path:
    from satsr.data.catalogue import data_root

    return root or data_root()


@contextmanager
def _counter(unit: str, total: int | None = None) -> Iterator:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    with Progress(
        *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task(unit, total=total)
        yield lambda count: bar.advance(task, count)
