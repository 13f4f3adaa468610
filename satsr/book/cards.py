"""The cards of all trained models as a page: what each takes, what it learned from, and how it scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from satsr.common.paths import MAIN, DataFolders, Workspace

CARD = "card.json"  # as `save_model` writes it
SCORED = ("psnr", "ssim", "lpips:judge", "clipscore:judge")  # corrected, from the main table


def model_cards(here: Workspace) -> str:
    """Return all cards of a profile in Markdown, a section for each model: the main data set's first."""
    others = sorted({path.name for path in here.artifacts.glob("data/*")} - {MAIN})
    sections = [section for name in (MAIN, *others) for section in _sections(here.data_set(name))]
    return "\n\n".join(sections or ["No trained model is on this machine: run `make study`."]) + "\n"


def _sections(folders: DataFolders) -> list[str]:
    scores = _test_scores(folders)
    return [_section(path, folders, scores) for path in sorted(folders.models.glob(f"*/seed-*/{CARD}"))]


def _section(path: Path, folders: DataFolders, scores: pd.DataFrame) -> str:
    card = json.loads(path.read_text())
    provenance = card["provenance"]
    name = ", ".join(
        filter(None, (card["method"], "" if folders.name == MAIN else folders.name, path.parent.name.replace("-", " ")))
    )
    lines = {
        "input": f"{card['dates']} dates of {', '.join(card['bands_in'])}; {card['value_range']}",
        "output": f"{', '.join(card['bands_out'])}, {card['scale']} times as fine",
        "network": _short(card["network"]),
        "trained with": _trained_with(provenance),
        "networks in its losses": _digests(provenance.get("loss_networks", {})),
        "starts from": _digests(provenance.get("starts_from", {})),
        "by its training": _numbers(card["scores"]),
        "on the test regions": _numbers(dict(scores.loc[card["method"]]) if card["method"] in scores.index else {}),
        "licence": card["license"],
        "file": f"`{path.parent.relative_to(folders.here.root)}`",
    }
    return f"## {name}\n\n" + "\n".join(f"- **{what}**: {value}" for what, value in lines.items())


def _trained_with(provenance: dict[str, Any]) -> str:
    words, digest = provenance.get("data_in_words", "data"), provenance.get("data", "unknown")
    return f"{words} (`{digest}`), seed {provenance.get('seed', 'unknown')}"


def _test_scores(folders: DataFolders) -> pd.DataFrame:
    """Return the main table's means, one row per method; empty without one."""
    path = folders.results / "main.csv"
    if not path.is_file():
        return pd.DataFrame()
    table = pd.read_csv(path)
    table = table[(table.protocol == "corrected") & table.metric.isin(SCORED)]
    return table.pivot_table(index="method", columns="metric", values="mean", aggfunc="first")


def _short(network: dict[str, Any]) -> str:
    """Return the sizes; a whole configuration of another library is only named."""
    parts = [f"{k} {'as in its file' if isinstance(v, dict) else _plain(v)}" for k, v in sorted(network.items())]
    return ", ".join(parts) or "as published"


def _plain(value: Any) -> str:
    return (" ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _digests(named: dict[str, str]) -> str:
    return ", ".join(f"{name} `{digest}`" for name, digest in named.items()) or "nothing"


def _numbers(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items()) or "not scored"
