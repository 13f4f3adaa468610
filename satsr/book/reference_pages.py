"""The reference of the package: every public name of a room with its docstring, from the syntax trees.

Nothing is imported, so it takes a second, and needs none of the libraries that the package is built on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from satsr.common.code import NAME, PACKAGE

SECTIONS = {  # of a docstring in Google's form, and whether it lists names
    "Args": True,
    "Attributes": True,
    "Returns": False,
    "Yields": False,
    "Raises": True,
}
HEADING = re.compile(rf"({'|'.join(SECTIONS)}):$")
ITEM = re.compile(r"(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*): (.+)", re.DOTALL)
CODE = re.compile(r"(`[^`]+`)")
SPECIAL = re.compile(r"([\\*_\[\]<>{}$|~#])")
NAMED = {ast.arg: "arg", ast.Attribute: "attr", ast.Name: "id"}  # what holds a name -> where
MARKS = ("property", "cached_property", "classmethod", "staticmethod")
LINE = 88  # characters of a signature that still stand in one line
Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.ClassDef | Function


def reference_pages(package: Path = PACKAGE) -> dict[str, str]:
    """Return a page for every room of the package by file name, and the list of them.

    Args:
        package: its folder.

    Raises:
        ValueError: a public name without a docstring, or with one that is broken: an argument or attribute that is not
            there, or a backtick without its other one. The message names it.
    """
    pages = {f"package_{room}.md": _page(package, room) for room in rooms(package)}
    return {"package.md": _contents(package), **pages}


def rooms(package: Path = PACKAGE) -> list[str]:
    """Return the names of the package's rooms."""
    return sorted(path.parent.name for path in package.glob("*/__init__.py"))


def _contents(package: Path) -> str:
    said = {room: ast.get_docstring(ast.parse((package / room / "__init__.py").read_text())) for room in rooms(package)}
    lines = [
        f"- [`{NAME}.{room}`](package_{room}.md): {_escaped(' '.join((text or '').split()))}"
        for room, text in said.items()
    ]
    return "\n".join(lines) + "\n"


def _page(package: Path, room: str) -> str:
    sections = [_module(package, path) for path in sorted((package / room).rglob("*.py"))]
    return "\n\n".join(section for section in sections if section) + "\n"


def _module(package: Path, path: Path) -> str:
    """Return what a module has to show; "" for one without public names."""
    parts = path.relative_to(package).with_suffix("").parts
    name = ".".join([NAME, *(parts[:-1] if parts[-1] == "__init__" else parts)])
    tree = ast.parse(path.read_text())
    shown = [block for node in _public(tree) for block in _blocks(node, name)]
    if not shown:
        return ""
    return "\n\n".join([f"## `{name}`", *_text(name, ast.get_docstring(tree), frozenset()), *shown])


def _public(node: ast.Module | ast.ClassDef) -> Iterator[Documented]:
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield child


def _blocks(node: Documented, module: str, owner: str = "") -> Iterator[str]:
    """Yield name, signature and docstring of a function, or of a class and its methods."""
    shown = f"{owner}{node.name}"
    name = f"{module}.{shown}"
    # No headings and no colors: the book's build would take twice as long.
    yield f"**`{shown}`**"
    yield f"```text\n{_signature(node)}\n```"
    known = _fields(node) if isinstance(node, ast.ClassDef) else _arguments(node)
    yield from _text(name, ast.get_docstring(node), known)
    if isinstance(node, ast.ClassDef):
        for method in _public(node):
            yield from _blocks(method, module, f"{shown}.")


def _signature(node: Documented) -> str:
    if isinstance(node, ast.ClassDef):
        made = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
        arguments = _listed(made[0].args) if made else [_plain(item) for item in _annotated(node)]
        return _wrapped(f"class {node.name}", arguments, "")
    given = f" -> {_plain(node.returns)}" if node.returns else ""
    marks = "".join(f"@{mark.id}\n" for mark in node.decorator_list if isinstance(mark, ast.Name) and mark.id in MARKS)
    return marks + _wrapped(f"def {node.name}", _listed(node.args), given)


def _wrapped(start: str, arguments: Sequence[str], given: str) -> str:
    line = f"{start}({', '.join(arguments)}){given}"
    if len(line) <= LINE:
        return line
    return "\n".join([f"{start}(", *(f"    {argument}," for argument in arguments), f"){given}"])


def _listed(arguments: ast.arguments) -> list[str]:
    """Return the arguments as they are written, but for `self` and `cls`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    found = [
        _argument(one, arguments.defaults[n - missing] if n >= missing else None) for n, one in enumerate(positional)
    ]
    found = found[1:] if positional and positional[0].arg in ("self", "cls") else found
    if arguments.vararg or arguments.kwonlyargs:
        found.append(f"*{_argument(arguments.vararg)}" if arguments.vararg else "*")
    found += [_argument(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return found + ([f"**{_argument(arguments.kwarg)}"] if arguments.kwarg else [])


def _argument(one: ast.arg, default: ast.expr | None = None) -> str:
    said = f"{one.arg}: {_plain(one.annotation)}" if one.annotation else one.arg
    return said if default is None else f"{said} = {ast.unparse(default)}"


def _plain(node: ast.AST) -> str:
    """Return code as text, of `Annotated` the type alone."""
    text = ast.unparse(node)
    if "Annotated[" not in text:
        return text

    class Types(ast.NodeTransformer):
        def visit_Subscript(self, found: ast.Subscript) -> ast.AST:
            self.generic_visit(found)
            annotated = isinstance(found.value, ast.Name) and found.value.id == "Annotated"
            return found.slice.elts[0] if annotated and isinstance(found.slice, ast.Tuple) else found

    return ast.unparse(Types().visit(ast.parse(text)))


def _annotated(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """Return the public fields of a class."""
    fields = (item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name))
    return [item for item in fields if not ast.unparse(item.target).startswith("_")]


def _fields(node: ast.ClassDef) -> set[str]:
    """Return every name that stands in a class: any of them may be an attribute."""
    names = {getattr(item, NAMED[type(item)]) for item in ast.walk(node) if type(item) in NAMED}
    return names | {item.name for item in node.body if isinstance(item, Function)}


def _arguments(node: Function) -> set[str]:
    return {item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg)}


def _text(name: str, docstring: str | None, known: Set[str]) -> list[str]:
    """Return a docstring in Markdown, paragraph by paragraph.

    Raises:
        ValueError: there is none, or it is broken.
    """
    if not docstring:
        raise ValueError(f"{name} has no docstring: say what it is")
    if docstring.count("`") % 2:
        raise ValueError(f"{name}: a backtick of its docstring has no other one: close it")
    parts = []
    for paragraph in re.split(r"\n\s*\n", docstring):
        head, _, body = paragraph.partition("\n")
        section = HEADING.match(head)
        parts.append(_section(name, section[1], body, known) if section else _escaped(" ".join(paragraph.split())))
    return parts


def _section(name: str, section: str, body: str, known: Set[str]) -> str:
    """Return a section of a docstring: its title, and a list where it lists names."""
    items = _items(body)
    if not items:
        raise ValueError(f"{name}: {section} of its docstring is empty: fill it, or leave it out")
    if not SECTIONS[section]:
        return f"**{section}**: {_escaped(' '.join(' '.join(item.split()) for item in items))}"
    lines = [f"**{section}**", ""]
    for item in items:
        found = ITEM.fullmatch(" ".join(item.split()))
        if not found:
            raise ValueError(
                f"{name}: {item.strip()!r} under {section} of its docstring has no name and colon: add them"
            )
        names = [one.strip("* ") for one in found[1].split(",")]
        if section != "Raises" and (unknown := [one for one in names if one not in known]):
            raise ValueError(f"{name}: {unknown[0]} under {section} of its docstring is not there: rename or remove it")
        lines.append(f"- `{found[1]}`: {_escaped(found[2])}")
    return "\n".join(lines)


def _items(body: str) -> list[str]:
    """Return the entries of a section: a line that is indented no further than the first begins one."""
    lines = [line for line in body.splitlines() if line.strip()]
    items: list[str] = []
    for line in lines:
        deeper = len(line) - len(line.lstrip()) > len(lines[0]) - len(lines[0].lstrip())
        if deeper and items:
            items[-1] += f"\n{line}"
        else:
            items.append(line)
    return items


def _escaped(text: str) -> str:
    """Return plain text as Markdown that shows it, with what stands between backticks as code."""
    return "".join(part if part.startswith("`") else SPECIAL.sub(r"\\\1", part) for part in CODE.split(text))
