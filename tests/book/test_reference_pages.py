"""The reference of the package: every public name with its docstring, and a broken one stops the build."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from satsr.book.reference_pages import reference_pages, rooms
from satsr.common.code import PACKAGE, modules
from tests.conftest import ROOT

GOOD = '''"""A module."""

from typing import Annotated

LIMIT = 3


def area(width: float, *, height: Annotated[float, "m"] = 1.0, **more: int) -> float:
    """Return a*b of [0, 1] and `x_y`.

    Longer than
    a line.

    Args:
        width: of it, m; continued
            here.
        height: of it: m.
        more: of *it*.

    Returns:
        In m2.

    Raises:
        ValueError: below 0.
    """


def _hidden() -> None:
    pass


class Box:
    """A box.

    Attributes:
        side: m.
    """

    side: float = 2.0

    @property
    def volume(self) -> float:
        """Volume, m3."""
'''


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages()


def package_of(folder: Path, code: str) -> Path:
    room = folder / "satsr" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text('"""A room."""\n')
    (room / "thing.py").write_text(code)
    return folder / "satsr"


def test_a_page_shows_what_a_docstring_says(tmp_path: Path) -> None:
    found = reference_pages(package_of(tmp_path, GOOD))
    assert found["package.md"] == "- [`satsr.room`](package_room.md): A room.\n"
    html = MarkdownIt().render(found["package_room.md"])
    assert "<h2><code>satsr.room.thing</code></h2>\n<p>A module.</p>" in html
    assert "def area(width: float, *, height: float = 1.0, **more: int) -&gt; float" in html
    assert "<p>Return a*b of [0, 1] and <code>x_y</code>.</p>\n<p>Longer than a line.</p>" in html
    assert "<li><code>width</code>: of it, m; continued here.</li>" in html
    assert "<li><code>height</code>: of it: m.</li>\n<li><code>more</code>: of *it*.</li>" in html
    assert "<strong>Returns</strong>: In m2." in html
    assert "class Box(side: float = 2.0)" in html
    assert "<strong><code>Box.volume</code></strong>" in html
    assert "@property\ndef volume() -&gt; float" in html
    assert "hidden" not in html


@pytest.mark.parametrize(
    ("good", "broken", "said"),
    [
        ('    """Volume, m3."""\n', "    return 1.0\n", r"satsr\.room\.thing\.Box\.volume has no docstring"),
        (
            "        width: of it",
            "        widht: of it",
            r"thing\.area: widht under Args of its docstring is not there",
        ),
        ("        side: m.", "        sides: m.", r"thing\.Box: sides under Attributes of its docstring is not there"),
        ("`x_y`", "`x_y", r"thing\.area: a backtick of its docstring has no other one"),
        ("        ValueError: below 0.", "        when below 0", r"thing\.area: 'when below 0' under Raises"),
        ("        In m2.\n", "\n", r"thing\.area: Returns of its docstring is empty"),
    ],
)
def test_a_broken_docstring_is_refused_by_name(tmp_path: Path, good: str, broken: str, said: str) -> None:
    assert good in GOOD
    with pytest.raises(ValueError, match=said):
        reference_pages(package_of(tmp_path, GOOD.replace(good, broken)))


def test_every_public_function_of_the_package_is_there(pages: dict[str, str]) -> None:
    """As Python itself sees them, of rooms that import quickly."""
    seen = 0
    for name in (name for name in modules() if name.split(".")[1:2] in (["common"], ["world"])):
        for function in vars(importlib.import_module(name)).values():
            public = inspect.isfunction(function) and not function.__name__.startswith("_")
            if public and function.__module__ == name:
                page = pages[f"package_{name.split('.')[1]}.md"]
                assert f"**`{function.__name__}`**" in page, f"{name}.{function.__name__}"
                seen += 1
    assert seen > 50


def test_every_room_has_a_page_and_every_page_a_room() -> None:
    stubs = {path.stem.removeprefix("package_") for path in (ROOT / "book" / "pages").glob("package_*.md")}
    assert stubs == set(rooms()) == {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    for room in stubs:
        assert f"../_generated/package_{room}.md" in (ROOT / "book" / "pages" / f"package_{room}.md").read_text()
