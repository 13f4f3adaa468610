"""A map page as one HTML file that holds all it shows."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from satsr.scenes import preview_files as files
from satsr.scenes.preview_facts import Rows
from satsr.scenes.preview_layers import Layer
from satsr.scenes.record import SYNTHETIC

SLOT = re.compile(r"\{\{(\w+)\}\}")
SOURCE_MAP = re.compile(r"//# sourceMappingURL=\S*\s*$")  # names a file that is not there
# In a script an HTML parser looks for these; JSON and JavaScript know them as these escapes.
IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Page:
    """What a page says and shows; nothing of it is escaped.

    Attributes:
        title: of the image.
        warning: for all to see; empty for none.
        notes: on what is shown, for all to see: each a class of CSS and a sentence.
        facts: for those who unfold them.
        layers: of those on one side of the line, the lowest first.
        view: further numbers for the page's script.
    """

    title: str
    warning: str
    notes: Sequence[tuple[str, str]]
    facts: Rows
    layers: Sequence[Layer]
    view: dict[str, Any]


def page_text(page: Page) -> str:
    """Return a page's HTML.

    Whatever comes from a file is escaped; and a policy inside the page lets a browser run its own scripts alone, and
    load nothing from anywhere.
    """
    scripts = {"leaflet": SOURCE_MAP.sub("", files.read(files.LEAFLET)), "script": files.read(files.SCRIPT)}
    styles = {"leaflet_style": files.read(files.LEAFLET_STYLE), "style": files.read(files.STYLE)}
    drawn = [
        {name: getattr(one, name) for name in ("key", "title", "pane", "image", "box", "pixel")} for one in page.layers
    ]
    parts = {
        **scripts,
        **styles,
        "policy": _policy(list(scripts.values()), list(styles.values())),
        "title": _text(page.title),
        "statement": _text(SYNTHETIC),
        "warning": f'<p class="warning" role="alert">{_text(page.warning)}</p>' if page.warning else "",
        "notes": "\n  ".join(f'<p class="note {kind}">{_text(said)}</p>' for kind, said in page.notes),
        "layers": "\n    ".join(_layer(layer) for layer in page.layers),
        "facts": "\n    ".join(f"<dt>{_text(name)}</dt>{_lines(lines)}" for name, lines in page.facts),
        "leaflet_license": _text(files.read(files.LEAFLET_LICENSE)),
        "view": json.dumps({**page.view, "layers": drawn}, allow_nan=False).translate(IN_SCRIPT),
    }
    return SLOT.sub(lambda slot: parts[slot[1]], files.read(files.PAGE))


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    allowed = {"script-src": scripts, "style-src": styles}
    own = [f"{what} {' '.join(map(_hash, texts))}" for what, texts in allowed.items()]
    return "; ".join(["default-src 'none'", "img-src data:", *own, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(said: str) -> str:
    """Return a text as HTML holds it, in an attribute too; broken letters, as names may have, become question marks."""
    return html.escape(said.encode(errors="replace").decode())


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"<dd>{_text(line)}</dd>" for line in lines)


def _layer(layer: Layer) -> str:
    box = f'<input type="checkbox" data-layer="{_text(layer.key)}" autocomplete="off"{" checked" * layer.shown}>'
    swatches = "".join(
        f'<li><img src="{_text(one.image)}" alt=""{_ramp(one.ramp)}>{_text(one.text)}</li>' for one in layer.legend
    )
    legend = f'<ul class="legend">{swatches}</ul>' if swatches else ""
    return f'<label class="layer">{box} <span>{_text(layer.title)}</span></label>{legend}'


def _ramp(is_ramp: bool) -> str:
    return ' class="ramp"' if is_ramp else ""
