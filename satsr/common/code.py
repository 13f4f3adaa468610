"""Which code a result comes from: the closure of first-party imports, and a fingerprint over it. Without torch.

A fingerprint is taken over syntax trees without comments and docstrings, over the package data that the modules name,
and over the locked versions of the libraries that compute. So an edit of a comment moves no fingerprint, and an edit of
a network moves those of what runs it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Set
from functools import cache
from pathlib import Path

from satsr.common.digests import content_digest, text_digest

PACKAGE = Path(__file__).resolve().parents[1]
NAME = PACKAGE.name
LOCK = PACKAGE.parent / "requirements.lock"
# The one place each where first-party code is imported by a string, so that importing a package stays quick.
BY_STRING = {f"{NAME}.load_model": f"{NAME}.models.files", f"{NAME}.metrics.score": f"{NAME}.metrics.scoring"}
COMPUTE = {  # import name -> distribution, of the libraries that numbers depend on
    "PIL": "pillow",
    "diffusers": "diffusers",
    "lightning_fabric": "lightning-fabric",
    "lpips": "lpips",
    "numpy": "numpy",
    "open_clip": "open-clip-torch",
    "opensr_test": "opensr-test",
    "rasterio": "rasterio",
    "scipy": "scipy",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "shapely": "shapely",
    "skimage": "scikit-image",
    "torch": "torch",
    "torchvision": "torchvision",
}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.cmpop)
Cut = Mapping[str, Set[str]]  # module -> what of its imports is not followed


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name; a package stands for its `__init__`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.AST, typed: bool = True) -> frozenset[str]:
    """Return the first-party modules that code imports, inside functions too.

    Args:
        tree: of the code.
        typed: also what is imported for type checkers only.
    """
    found = {BY_STRING.get(name, name) for name in _names_imported(tree, typed)}
    return frozenset(name if name in modules() else name.rpartition(".")[0] for name in found) & modules().keys()


@cache
def imports_of(name: str, typed: bool = True) -> frozenset[str]:
    """Return the first-party modules that one of them imports."""
    return imported(_tree(name), typed)


def bound_modules(name: str, table: str) -> dict[str, frozenset[str]]:
    """Return, for each key of a dictionary that binds names to code, the modules that its value is imported from.

    Args:
        name: of the module that holds the dictionary at its top level.
        table: the dictionary's name.

    Raises:
        ValueError: no such dictionary.
    """
    tree = _tree(name)
    source = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id == table and isinstance(value, ast.Dict):
            return {
                ast.literal_eval(key): _first_party(source, part)
                for key, part in zip(value.keys, value.values, strict=True)
                if key is not None
            }
    raise ValueError(f"{name} has no dictionary {table}: bind names to code there, key by key")


def closure(start: Iterable[str], cut: Cut | None = None) -> frozenset[str]:
    """Return all modules that some lead to, the packages around them included.

    Args:
        start: dotted names of modules.
        cut: module -> what of its imports is not followed from there, such as the networks of other methods.
    """
    found: set[str] = set()
    waiting = [name for name in start if name in modules()]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += imports_of(name) - (cut or {}).get(name, frozenset())
        if "." in name:
            waiting.append(name.rpartition(".")[0])  # importing a module runs its packages first
    return frozenset(found)


def fingerprint(start: Iterable[str], cut: Cut | None = None, more: Iterable[ast.AST] = ()) -> str:
    """Return 16 hexadecimal digits that change with any code that some modules lead to.

    Args:
        start: dotted names of modules.
        cut: see `closure`.
        more: further code, which is not part of the package.
    """
    names = sorted(closure(start, cut))
    parts = [f"{name} {_digest(name)}" for name in names] + [structure(tree) for tree in more]
    libraries = libraries_of(names)
    parts += [f"{name} {version}" for name, version in sorted(_locked().items()) if name in libraries]
    return text_digest("\n".join(parts))[:16]


def libraries_of(names: Iterable[str]) -> frozenset[str]:
    """Return the distributions among `COMPUTE` that some modules import."""
    return frozenset().union(*(_libraries(name) for name in names))


def structure(node: ast.AST) -> str:
    """Return a syntax tree as text, without docstrings and places, equal on every supported Python."""
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            value = node.body[1:]
        if value is None or value == [] or value == "":  # empty fields differ between versions of Python
            continue
        if isinstance(value, ast.AST):
            fields.append(f"{name}={structure(value)}")
        elif isinstance(value, list):
            fields.append(f"{name}=[{','.join([structure(v) if isinstance(v, ast.AST) else repr(v) for v in value])}]")
        else:
            fields.append(f"{name}={value!r}")
    return f"{type(node).__name__}({','.join(fields)})"


@cache
def package_data() -> dict[Path, frozenset[str]]:
    """Return every file of the package that is no code, with the modules beside it that name it in a string."""
    files = [p for p in PACKAGE.rglob("*") if p.is_file() and p.suffix != ".py" and "__pycache__" not in p.parts]
    return {path: frozenset(name for name in modules() if _names(name, path)) for path in sorted(files)}


def _names_imported(tree: ast.AST, typed: bool = True) -> frozenset[str]:
    """Return the dotted names that code imports, or takes from a package that imports by a string."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and any(name.endswith(f".{node.attr}") for name in BY_STRING):
            found |= {name for name in (ast.unparse(node),) if name in BY_STRING}
        if isinstance(node, ast.If) and not typed and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _LEAVES)]
    return frozenset(found)


def _first_party(source: dict[str, str], value: ast.AST) -> frozenset[str]:
    """Return the modules behind the names in an expression, from where each is imported."""
    names = {source[node.id] for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in source}
    return frozenset(name if name in modules() else name.rpartition(".")[0] for name in names) & modules().keys()


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def _names(module: str, data: Path) -> bool:
    path = modules()[module]
    return path.parent == data.parent and f'"{data.name}"' in path.read_text()


@cache
def _digest(name: str) -> str:
    """Return what identifies one module and the package data that it names."""
    named = [path.read_bytes() for path, readers in package_data().items() if name in readers]
    return content_digest([structure(_tree(name)).encode(), *named])


@cache
def _libraries(name: str) -> frozenset[str]:
    """Return the distributions among `COMPUTE` that a module imports."""
    tops = {found.partition(".")[0] for found in _names_imported(_tree(name))}
    return frozenset(COMPUTE[top] for top in tops & COMPUTE.keys())


@cache
def _locked() -> dict[str, str]:
    """Return the locked versions, with their conditions, by distribution; none where the lock is not there."""
    lines = LOCK.read_text().splitlines() if LOCK.is_file() else []
    found: dict[str, str] = {}
    for line in lines:
        if pinned := re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^\\]+)", line):
            name = pinned[1].lower().replace("_", "-")
            found[name] = f"{found.get(name, '')} {pinned[2].strip()}"
    return found
