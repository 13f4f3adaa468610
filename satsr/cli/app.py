"""The command line: thin doors to the functions that the notebooks call."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from satsr.cli import data, preview, scenes
from satsr.cli.show import print_table
from satsr.cli.words import in_words, no_device, no_folder, one_of, options_of
from satsr.common.paths import project_root
from satsr.common.writing import write_whole

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=__doc__,
)
data_app = typer.Typer(no_args_is_help=True, help="Data sets and scenes.")
app.add_typer(data_app, name="data")
data.register(data_app)
scenes.register(app)
preview.register(app)

PLAIN = "psnr,ssim,cpsnr"
PROTOCOLS = ("corrected", "published")
Profile = Annotated[str, typer.Option(help="default, or the name of a file in profiles/")]


@app.command()
def study(
    stages: Annotated[list[str] | None, typer.Argument(help="only these, and what they need; no book is built")] = None,
    profile: Profile = "default",
    book: Annotated[bool, typer.Option(help="also build the book")] = True,
    jobs: Annotated[int | None, typer.Option(help="stages that run side by side; one for every core")] = None,
) -> None:
    """Bring the study up to date, some stages side by side, and build its book."""
    from satsr.book.build import build_book
    from satsr.pipeline.run import run_real, run_study

    if jobs is not None and jobs < 1:
        raise ValueError(f"got --jobs {jobs}, expected a whole number from 1: how many stages run side by side")
    root = project_root()
    run = partial(run_real, root) if profile == "real" else partial(run_study, root, profile)
    where = run(jobs or 0, stages or ())
    if book and not stages:
        typer.echo(f"The book: {build_book(where)}")


@app.command()
def book(force: Annotated[bool, typer.Option(help="build even when nothing changed")] = False) -> None:
    """Build the book from the last run."""
    from satsr.book.build import build_book

    typer.echo(f"The book: {build_book(project_root(), force)}")


@app.command()
def doctor() -> None:
    """Say what is installed, what this machine can do, and which data are there."""
    from satsr.pipeline.doctor import BAD, examine

    rows = examine(project_root())
    print_table(("what", "state", "detail"), rows)
    raise typer.Exit(any(state == BAD for _, state, _ in rows))


@app.command()
def evaluate(
    sr: Annotated[Path, typer.Argument(help="an image, or a folder of images")],
    hr: Annotated[Path, typer.Argument(help="its target, or a folder of targets of the same names")],
    metrics: Annotated[str, typer.Option(help="comma-separated, of those above")] = PLAIN,
    protocol: Annotated[str, typer.Option(help="corrected, published or both")] = "corrected",
    gray: Annotated[str, typer.Option(help="one-band images in color metrics: error or repeat")] = "error",
    output: Annotated[Path | None, typer.Option(help="write one line per image, metric and protocol")] = None,
    keep_going: Annotated[bool, typer.Option(help="report images that cannot be scored, and score the others")] = False,
    white: Annotated[float | None, typer.Option(help="what 1 is in files not of 8 bits: 10000 of reflectance")] = None,
    ignore_place: Annotated[bool, typer.Option(help="score images that lie elsewhere, by more than 0.01 px")] = False,
) -> None:
    """Score super-resolved images against their targets.

    Metrics: psnr, ssim, cpsnr, cpsnr_probav, cssim, mse, mae and sam; and, with a network behind a colon, lpips
    (lpips:alex, vgg, squeeze), dists (dists:vgg) and clipscore (clipscore:ViT-bigG-14-CLIPA-336/datacomp1b). In place
    of a published network its local file (alex/FILE), or the folder of one that a study trained.

    When the weights of a metric cannot be had, the others are computed, it is named, and the exit code is 1.
    """
    from satsr.evaluation.score_files import Reading, evaluate_files, summary, summary_as_text

    one_of("--protocol", protocol, (*PROTOCOLS, "both"))
    one_of("--gray", gray, ("error", "repeat"))
    no_folder("--output", output)
    names = [name.strip() for name in metrics.split(",")]
    protocols = PROTOCOLS if protocol == "both" else (protocol,)
    reading = Reading(white, ignore_place)
    report = evaluate_files(sr, hr, names, protocols, gray, keep_going, reading)  # type: ignore[arg-type]
    if output is not None:
        write_whole(output, report.table.to_csv(index=False))
    for note in report.notes:
        typer.echo(note, err=True)
    lines = summary_as_text(summary(report.table))
    print_table(list(map(str, lines)), lines.itertuples(index=False))
    for image, reason in report.left_out:
        typer.echo(f"left out {image}: {reason}", err=True)
    for metric, reason in report.not_computed:
        typer.echo(f"not computed {metric}: {reason}", err=True)
    raise typer.Exit(bool(report.left_out or report.not_computed))


@app.command()
def vote(
    out: Annotated[Path, typer.Option(help="votes file to fill, or to go on with")],
    pairs: Annotated[str, typer.Option(help="methods (their outputs) or stand-in (pairs of known order)")] = "methods",
    count: Annotated[int, typer.Option(min=1, help="how many pairs to ask, as far as there are places")] = 60,
    profile: Profile = "default",
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    session: Annotated[int | None, typer.Option(help="go on with this session, whatever the browser says")] = None,
    browser: Annotated[bool, typer.Option(help="open the page")] = True,
) -> None:
    """Collect votes on which of two images is closer to the target, on a local page."""
    from satsr.common.paths import Workspace
    from satsr.pipeline.params import load_study
    from satsr.studies.voting.from_run import method_questions, stand_in_questions
    from satsr.studies.voting.server import serve

    one_of("--pairs", pairs, ("methods", "stand-in"))
    no_folder("--out", out)
    root = project_root()
    study, here = load_study(root, profile), Workspace.of(profile)
    if pairs == "methods":
        questions = method_questions(study.methods, study.seeds[0], study.pairs, here, count)
    else:
        questions = stand_in_questions(study.agreement.design, study.pairs, here, count)
    serve(questions, out, port, session, open_browser=browser)


@app.command("compare-results")
def compare_results(
    committed: Annotated[Path, typer.Argument(help="the main table to keep to")],
    fresh: Annotated[Path, typer.Argument(help="the main table of a run on this machine")],
    add: Annotated[str, typer.Option(help="also add the fresh table to the seen runs, under this name")] = "",
) -> None:
    """Compare two main tables; fail on a missing cell, a value that is not finite, or one that moved too far.

    A mean or an end of its interval may move by 1.5 times the largest difference seen between processors, by 3 times
    while fewer than 3 kinds of processors were seen, and by 3 widths of the interval where a metric was seen on one
    only. The methods' ranks must correlate by at least 0.8. On a processor that made the committed table nothing but
    the last digit may move.

    After a run on another processor, add it. After a change of code that moved the results, give the new table twice
    and add it: it opens a series of its own.
    """
    from satsr.common.provenance import git_commit
    from satsr.pipeline.compare_results import basis, differences
    from satsr.pipeline.seen_runs import SeenRuns, add_rows, this_processor

    seen, processor = SeenRuns.load(), this_processor()
    lines, good = differences(committed, fresh, processor, seen)
    typer.echo("\n".join([*basis(committed, processor, seen), *(lines or ["no difference"])]))
    if add:
        add_rows(seen.rows(add, committed, fresh, processor, git_commit(project_root())))
    raise typer.Exit(0 if good else 1)


@data_app.command()
def mosaic(
    region: Annotated[int, typer.Argument(help="number of a region of the embedded world")],
    output: Annotated[Path, typer.Option(help="GeoTIFF to write")],
    kind: Annotated[str, typer.Option(help="hr, or lr for the first Sentinel-2 date")] = "hr",
) -> None:
    """Write a whole region of the embedded world as one georeferenced image."""
    from satsr.data.making.mosaic import write_mosaic
    from satsr.pipeline.params import load_study

    one_of("--kind", kind, ("hr", "lr"))
    no_device("--output", output)
    write_mosaic(load_study(project_root()).data, region, kind, output)
    typer.echo(f"wrote {output}")


def main() -> None:
    """Run the command line; errors that a user can mend end in one line."""
    try:
        app()
    except (ValueError, RuntimeError, OSError) as error:
        print(f"satsr: {in_words(error, options_of(typer.main.get_command(app)))}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
