"""Build the book from executed notebooks, results and what is known of this run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from satsr.book import best_run, variant_pages
from satsr.book.cards import model_cards
from satsr.book.dressed import dressed
from satsr.book.findings_page import findings, peers
from satsr.book.ledger.figure import gains_figure
from satsr.book.ledger.page import THIS, gains, ledger_page, limits, lines_of, read_ledger, tables_to_copy
from satsr.book.ledger.table import Ledger
from satsr.book.pipeline_picture import pipeline_picture
from satsr.book.real_page import real_page
from satsr.book.reference import device_of
from satsr.book.reference_pages import reference_pages
from satsr.book.variant_pages import NOT_MEASURED
from satsr.common.digests import content_digest
from satsr.common.paths import MAIN, Workspace
from satsr.common.provenance import describe
from satsr.common.writing import write_whole
from satsr.evaluation.speed_ups import speed_up_sentence
from satsr.evaluation.tables import markdown
from satsr.pipeline.params import load_study

PACKAGE_CODE = "package_code.txt"  # digest of what the reference was made from


def build_book(root: Path, force: bool = False) -> Path:
    """Build the book of the profile that `params.yaml` names, unless it is up to date; return its first page.

    Raises:
        FileNotFoundError: the study has not been run.
        RuntimeError: the book has a broken link, a missing picture or another warning.
        ValueError: a claim cannot be judged, or a figure has no text.
    """
    profile = load_study(root).profile
    here = Workspace.of(profile, root)
    book = root / "book"
    executed = sorted((book / "executed" / profile).glob("*.ipynb"))
    if not executed:
        raise FileNotFoundError(f"no executed notebooks of profile {profile}: run `make study` first")
    ledger, pages = read_ledger(root, here.results), _pages(book)
    _place(book / "notebooks", {path.name: _page(path, ledger) for path in executed if path.name in pages})
    write_whole(here.results / "claims.csv", ledger.table(THIS).to_csv(index=False, float_format="%.6g"))
    _place(book / "_generated", {n: t.encode() for n, t in fragments(here, root, ledger).items()})
    index, stamp = book / "_build" / "html" / "index.html", book / "_build" / "stamp"
    now = _digest(book)
    if not force and index.is_file() and stamp.is_file() and stamp.read_text() == now:
        return index
    _run(book)
    for name, path in tables_to_copy(ledger).items():
        (index.parent / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, index.parent / name)
    stamp.write_text(now)
    return index


def _page(executed: Path, ledger: Ledger) -> bytes:
    try:
        return dressed(executed.read_bytes(), lines_of(ledger, f"notebooks/{executed.stem}"))
    except ValueError as error:
        raise ValueError(f"{executed.name}: {error}") from error


def fragments(here: Workspace, root: Path, ledger: Ledger) -> dict[str, str]:
    """Return the generated pieces of pages by file name.

    Args:
        here: this run's profile.
        root: of the project.
        ledger: its claims, the best run first.
    """
    facts = describe(here.profile, root)
    return {
        "ledger.md": ledger_page(ledger, root / "results" / "real"),
        "gains.svg": gains_figure(gains(next(iter(ledger.runs.values())))),
        "verdicts.md": _verdicts(here, root),
        "limits.md": limits(here.results),
        "pipeline.md": pipeline_picture(root),
        "training_speed.md": _training_speed(facts),
        "provenance.md": _provenance(here, facts),
        "reference_runs.md": best_run.reference_runs_page(root),
        "real.md": real_page(root),
        "speed.md": _speed(facts),
        "scene_speed.md": _scene_speed(facts),
        "peer_speeds.md": _peer_speeds(root),
        "convergence.md": _convergence(here, facts),
        "models.md": model_cards(here),
        "findings.md": findings(root),
        "peers.md": peers(root),
        **_reference(root),
        **variant_pages.fragments(here, root, facts),
    }


def _reference(root: Path) -> dict[str, str]:
    """Return the reference of the package; the last one where its code is the same, as reading it takes a second."""
    now = content_digest(path.read_bytes() for path in sorted((root / "satsr").rglob("*.py")))
    there = {path.name: path.read_text() for path in (root / "book" / "_generated").glob("package*")}
    return there if there.get(PACKAGE_CODE) == now else {**reference_pages(root / "satsr"), PACKAGE_CODE: now}


def _verdicts(here: Workspace, root: Path) -> str:
    """Say every verdict in full sentences."""
    return markdown(best_run.claims_table(root, here.results)) + "\n"


def _training_speed(facts: dict[str, Any]) -> str:
    rows = []
    for name, run in facts["runs"].items():
        if name.startswith("training_"):
            data, _, method = name.removeprefix("training_").partition("_")
            speed = {"samples/s": run["samples_per_s"], "precision": run["precision"]}
            rows.append({"data set": data, "method": method, **speed})
    rows.sort(key=lambda row: row["data set"] != MAIN)
    if not rows:
        return "Speed: not measured on this machine; the trainings were restored from a cache.\n"
    return f"Measured while this book's models were trained, on {device_of(facts)}:\n\n{markdown(pd.DataFrame(rows))}\n"


def _speed(facts: dict[str, Any]) -> str:
    """Show seconds and memory of every method on this machine, and the paper's ratio."""
    if "table" not in facts["runs"].get("speed", {}):
        return NOT_MEASURED
    rows = pd.DataFrame(facts["runs"]["speed"]["table"])
    names = {
        "method": "method",
        "seconds": "s per image",
        "best_batch": "best batch",
        "best_seconds": "s per image, best batch",
        "seconds_per_km2": "s per nominal km²",
        "peak_mib": "peak MiB",
    }
    said = ""
    seconds = rows.set_index("method")
    if {"esrgan", "sr3"} <= set(seconds.index):
        one, best = (seconds[c].sr3 / seconds[c].esrgan for c in ("seconds", "best_seconds"))
        said = f"\n\nESRGAN is **{one:.0f}** times as fast as SR3 image by image, {best:.0f} times at the best batches."
    shown = rows[list(names)].rename(columns=names).map(lambda v: f"{v:.4g}" if isinstance(v, float) else v)
    return f"Measured on {device_of(facts)}:\n\n{markdown(shown)}{said}\n"


def _scene_speed(facts: dict[str, Any]) -> str:
    """Show square kilometres a second on scenes, on this machine."""
    if "table" not in facts["runs"].get("scene", {}):
        return NOT_MEASURED
    names = {
        "method": "method",
        "side_px": "side, input px",
        "dates": "dates",
        "seconds": "s in all",
        "km2_per_s": "km²/s, reading and writing included",
        "model_km2_per_s": "km²/s, model alone",
    }
    rows = pd.DataFrame(facts["runs"]["scene"]["table"])
    shown = rows[list(names)].rename(columns=names).map(lambda v: f"{v:.3g}" if isinstance(v, float) else v)
    return f"Measured on {device_of(facts)}:\n\n{markdown(shown)}\n"


def _peer_speeds(root: Path) -> str:
    """Show what others say of their speed on scenes, in their own words' numbers."""
    return markdown(pd.read_csv(root / "book" / "published" / "scene_speeds.csv", keep_default_na=False)) + "\n"


def _convergence(here: Workspace, facts: dict[str, Any]) -> str:
    """Say what the ratio of steps is in seconds, from the speed of both trainings on this machine."""
    path = here.results / "studies" / "convergence" / "convergence.csv"
    speeds = [facts["runs"].get(f"training_{MAIN}_{m}", {}).get("samples_per_s") for m in ("satdiffmoe", "controlnet")]
    if not path.is_file() or None in speeds:
        return NOT_MEASURED
    table = pd.read_csv(path)
    if table.empty:
        return "ControlNet is not trained in this profile.\n"
    table["ratio_seconds"] = table.ratio * speeds[0] / speeds[1]
    said = speed_up_sentence(table, "ratio_seconds")
    return f"In seconds: {said} ({speeds[0]:g} and {speeds[1]:g} samples/s, on {device_of(facts)}).\n"


def _provenance(here: Workspace, facts: dict[str, Any]) -> str:
    plain = {k: v for k, v in facts.items() if isinstance(v, str)}
    plain["lock digest"] = plain["lock digest"][:16]
    plain |= {f"version of {k}": v for k, v in facts["versions"].items()}
    manifest = json.loads(here.data_set(MAIN).manifest.read_text())
    splits = pd.DataFrame(manifest["splits"]).T.rename_axis("split").reset_index()
    splits["left out"] = splits["left out"].map(lambda counts: sum(counts.values()))
    runs = [
        {"run": k, "wall time (s)": v["wall_s"], "commit": v["commit"]}
        for k, v in facts["runs"].items()
        if "wall_s" in v
    ]
    return "\n\n".join(
        [
            "## This run",
            markdown(pd.DataFrame(plain.items(), columns=["what", "value"])),
            "## Wall time of each notebook",
            markdown(pd.DataFrame(runs)) if runs else "Restored from a cache: nothing was run on this machine.",
            "## Data",
            f"Source: `{manifest['source']}`, seed {manifest['seed']}.",
            markdown(splits),
            "",
        ]
    )


def _pages(book: Path) -> set[str]:
    """Return the notebooks that the table of contents names."""
    found: set[str] = set()
    waiting = [yaml.safe_load((book / "_toc.yml").read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
        elif isinstance(node, str) and node.startswith("notebooks/"):
            found.add(f"{Path(node).name}.ipynb")
    return found


def _place(folder: Path, files: dict[str, bytes]) -> None:
    """Make a folder hold exactly these files, touching only those that differ."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def _digest(book: Path) -> str:
    """Return a digest of everything that the book is built from."""
    parts = [book / name for name in ("pages", "notebooks", "_generated", "published", "_static")]
    files = [p for part in parts for p in sorted(part.rglob("*")) if p.is_file()]
    files += [book / name for name in ("_config.yml", "_toc.yml", "references.bib")]
    return content_digest(part for p in files for part in (p.name.encode(), p.read_bytes()))


def _run(book: Path) -> None:
    log = book / "_build" / "build.log"
    shutil.rmtree(book / "_build", ignore_errors=True)
    log.parent.mkdir(parents=True)
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [str(tool), "build", ".", "-W", "-n", "--keep-going", "-q"]
    with log.open("w") as out:
        done = subprocess.run(command, cwd=book, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode or not (book / "_build" / "html" / "index.html").is_file():
        warnings = [line for line in log.read_text().splitlines() if "WARNING" in line or "ERROR" in line]
        raise RuntimeError(f"the book does not build ({log}): {'; '.join(warnings[:3]) or 'see the log'}")
