"""The page of findings: from the head of every script in `findings/`, and what is published of other systems.

A script's head is a title, and after an empty comment line four parts, each of which begins with its name and a colon.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from satsr.evaluation.tables import markdown

PARTS = {  # in a script's head -> on the page
    "With": "with",
    "Expected": "expected",
    "Found": "found",
    "Matters": "why it matters",
}


def findings(root: Path) -> str:
    """Return a section for every script in `findings/`, in the order of their names.

    Args:
        root: of the project.

    Raises:
        ValueError: a script whose head lacks its title or a part, or has one twice; the message names it.
    """
    scripts = sorted((root / "findings").glob("*.sh"))
    return "\n\n".join(_section(path) for path in scripts) + "\n"


def peers(root: Path) -> str:
    """Return what is published of other systems: what they take and give, and the scores of one leaderboard.

    Args:
        root: of the project.
    """
    published = root / "book" / "published"
    systems, scores = (
        pd.read_csv(published / name, keep_default_na=False) for name in ("peers.csv", "opensr_leaderboard.csv")
    )
    return f"{markdown(systems)}\n\nThe leaderboard of opensr-test:\n\n{markdown(scores)}\n"


def head_of(script: Path) -> dict[str, str]:
    """Return title and parts of a finding from the comment at the head of its script.

    Raises:
        ValueError: it lacks one, or has one twice.
    """
    title, _, rest = "\n".join(_comment(script)).partition("\n\n")
    found = {"title": " ".join(title.split())}
    name = ""
    for line in rest.splitlines():
        label, colon, text = line.partition(": ")
        if colon and label in PARTS:
            if label in found:
                raise ValueError(f"{script}: its head has {label} twice, expected each part once")
            name, line = label, text
            found[name] = ""
        if name:
            found[name] = f"{found[name]} {line}".strip()
    lacking = [part for part in ("title", *PARTS) if not found.get(part)]
    if lacking:
        raise ValueError(
            f"{script}: its head has no {lacking[0]}, expected a title, an empty comment line, and {', '.join(PARTS)}, "
            "each with a colon behind it"
        )
    return found


def _comment(script: Path) -> list[str]:
    """Return the lines of the comment that follows the first line."""
    lines = script.read_text().splitlines()[1:]
    end = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line[1:].strip() for line in lines[:end]]


def _section(script: Path) -> str:
    head = head_of(script)
    rows = "\n".join(f"- **{shown}**: {head[part]}" for part, shown in PARTS.items())
    return f"## {head['title'].removesuffix('.')}\n\n{rows}\n- **try it**: `bash findings/{script.name}`"
