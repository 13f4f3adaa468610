"""The command line: thin doors to the functions that the notebooks call."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from satsr.paths import project_root

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
data_app = typer.Typer(no_args_is_help=True, help="Data sets and scenes.")
app.add_typer(data_app, name="data")

Profile = Annotated[str, typer.Option(help="default, or the name of a file in profiles/")]


@app.command()
def study(profile: Profile = "default", book: Annotated[bool, typer.Option(help="also build the book")] = True) -> None:
    """Bring the study up to date, stage by stage, and build its book."""
    from satsr.book import build_book
    from satsr.study import run_real, run_study

    root = project_root()
    where = run_real(root) if profile == "real" else run_study(root, profile)
    if book:
        typer.echo(f"The book: {build_book(where)}")


@app.command()
def book(force: Annotated[bool, typer.Option(help="build even when nothing changed")] = False) -> None:
    """Build the book from the last run."""
    from satsr.book import build_book

    typer.echo(f"The book: {build_book(project_root(), force)}")


@app.command()
def doctor() -> None:
    """Say what is installed, what this machine can do, and which data are there."""
    from rich.console import Console
    from rich.table import Table

    from satsr.doctor import BAD, examine

    rows = examine(project_root())
    table = Table("what", "state", "detail")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    raise typer.Exit(any(state == BAD for _, state, _ in rows))


@app.command("compare-results")
def compare_results(committed: Path, fresh: Path) -> None:
    """Compare two main tables; fail on a missing cell, a value that is not finite, or one that moved too far."""
    from satsr.compare_results import differences

    lines, good = differences(committed, fresh)
    typer.echo("\n".join(lines) or "no difference")
    raise typer.Exit(0 if good else 1)


@data_app.command()
def mosaic(
    region: Annotated[int, typer.Argument(help="number of a region of the embedded world")],
    output: Annotated[Path, typer.Option(help="GeoTIFF to write")],
    kind: Annotated[str, typer.Option(help="hr, or lr for the first Sentinel-2 date")] = "hr",
) -> None:
    """Write a whole region of the embedded world as one georeferenced image."""
    from satsr.data.mosaic import write_mosaic
    from satsr.params import load_study

    write_mosaic(load_study(project_root()).data, region, kind, output)
    typer.echo(f"wrote {output}")


def main() -> None:
    """Run the command line; errors that a user can mend end in one line."""
    try:
        app()
    except (ValueError, RuntimeError, OSError) as error:
        print(f"satsr: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
