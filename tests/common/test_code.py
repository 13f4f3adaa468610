"""Fingerprints move with code, and with nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from satsr.common import code
from satsr.common.code import bound_modules, closure, fingerprint, imports_of, package_data, structure
from satsr.scenes.packaged import PACKAGED

FILES = {
    "__init__.py": "",
    "top.py": "from house.low import deep\nfrom house import data\n\n\ndef run():\n    from house.late import inner\n",
    "low.py": '"""Low."""\n\nimport numpy as np\n\n\ndef deep():\n    """Say it."""\n    return np.zeros(3)\n',
    "late.py": "def inner():\n    return 1\n",
    "data/__init__.py": "",
    "data/read.py": 'TEXT = "words.txt"\n',
    "data/words.txt": "one two\n",
    "data/other.py": "import torch\n",
    "nets.py": (
        "from house.data import read\nfrom house.late import inner\nfrom house.low import deep as dug\n"
        'TABLE = {"a": dug, "b": (read.TEXT, inner)}\n'
    ),
    "typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.low import deep\n",
}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in the place of satsr."""
    package = tmp_path / "house"
    for name, text in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (tmp_path / "requirements.lock").write_text("numpy==2.1 ; python_version < '3.12' \\\n    --hash=sha256:0\n")
    monkeypatch.setattr(code, "PACKAGE", package)
    monkeypatch.setattr(code, "LOCK", tmp_path / "requirements.lock")
    forget()
    yield package
    forget()


def forget() -> None:
    for function in vars(code).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def print_of(*names: str, **options: dict[str, set[str]]) -> str:
    forget()
    return fingerprint(names, **options)  # type: ignore[arg-type]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_closure_follows_imports_of_imports_inside_functions_too(house: Path) -> None:
    assert closure({"house.top"}) == {"house", "house.top", "house.low", "house.late", "house.data"}


def test_names_in_a_module_and_modules_in_a_package_are_told_apart(house: Path) -> None:
    assert imports_of("house.nets") == {"house.data.read", "house.late", "house.low"}


def test_imports_for_type_checkers_count_where_asked(house: Path) -> None:
    assert imports_of("house.typed") == {"house.low"}
    assert imports_of("house.typed", typed=False) == frozenset()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("low.py", '"""Low."""', '"""Very low."""'),
        ("low.py", '"""Say it."""', '"""Say it louder."""'),
        ("low.py", "    return np.zeros(3)", "    # why\n\n    return np.zeros( 3 )"),
        ("data/other.py", "import torch", "import torch.nn"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_move_nothing(house: Path, name: str, old: str, new: str) -> None:
    before = print_of("house.top")
    edit(house / name, old, new)
    assert print_of("house.top") == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("low.py", "zeros(3)", "zeros(4)"), ("late.py", "return 1", "return 1.0"), ("top.py", "def run", "def ran")],
)
def test_code_moves_what_leads_to_it(house: Path, name: str, old: str, new: str) -> None:
    before = print_of("house.top")
    edit(house / name, old, new)
    assert print_of("house.top") != before


def test_a_constant_that_only_looks_like_a_docstring_counts(house: Path) -> None:
    before = print_of("house.data.read")
    edit(house / "data" / "read.py", "words.txt", "wards.txt")
    assert print_of("house.data.read") != before


def test_package_data_count_where_they_are_named(house: Path) -> None:
    assert package_data() == {house / "data" / "words.txt": {"house.data.read"}}
    before, other = print_of("house.nets"), print_of("house.top")
    edit(house / "data" / "words.txt", "two", "three")
    assert print_of("house.nets") != before
    assert print_of("house.top") == other


def test_the_locked_version_of_a_library_counts_where_it_is_imported(house: Path) -> None:
    before, other = print_of("house.top"), print_of("house.late")
    edit(house.parent / "requirements.lock", "2.1", "2.2")
    assert print_of("house.top") != before
    assert print_of("house.late") == other


def test_what_is_cut_does_not_count(house: Path) -> None:
    cut = {"house.nets": {"house.late"}}
    before, whole = print_of("house.nets", cut=cut), print_of("house.nets")
    edit(house / "late.py", "return 1", "return 2")
    assert print_of("house.nets", cut=cut) == before
    assert print_of("house.nets") != whole


def test_a_table_tells_the_modules_behind_its_values(house: Path) -> None:
    assert bound_modules("house.nets", "TABLE") == {"a": {"house.low"}, "b": {"house.data.read", "house.late"}}
    with pytest.raises(ValueError, match=r"house\.nets has no dictionary TABEL"):
        bound_modules("house.nets", "TABEL")


def test_structure_knows_every_difference_that_runs() -> None:
    texts = ["x = 1", "x = 1.0", "x = '1'", "x = b'1'", "x = True", "x: int = 1", "f(x)", "f(*x)", "f(**x)", "f(x=x)",
             "f'{x}'", "f'{x!r}'", "f'{x:3}'", "def f(a, /, b, *, c=1): pass", "def f(a, b, *, c=1): pass",
             "async def f(): pass", "x[1:2]", "x[1]", "a < b", "a <= b", "a and b", "a or b", "lambda: 0"]  # fmt: skip
    found = [structure(ast.parse(text)) for text in texts]
    assert len(set(found)) == len(texts)


def test_what_is_imported_by_a_string_is_known() -> None:
    assert "satsr.models.files" in code.imported(ast.parse("import satsr\nsatsr.load_model('x')"))
    assert "satsr.models.files" in code.imported(ast.parse("from satsr import load_model"))
    assert "satsr.metrics.scoring" in code.imported(ast.parse("import satsr.metrics\nsatsr.metrics.score()"))


def test_nothing_else_is_imported_by_a_string() -> None:
    calls = {
        name
        for name, path in code.modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    early = {"satsr.pipeline.warm"}  # imports what others name themselves, and no notebook leads to it
    assert calls - early == {name.rpartition(".")[0] for name in code.BY_STRING}
    assert not early & code.closure({"satsr.pipeline.sketch"})


def test_every_file_of_the_package_is_code_or_named_by_code() -> None:
    found = {path: readers for path, readers in package_data().items() if PACKAGED not in path.parents}
    assert all(found.values()), found


def test_the_packaged_model_is_in_no_fingerprint() -> None:
    """A stage made it: were it in the fingerprint of one that leads to it, to release it would make that stale."""
    weights = [path for path in code.package_data() if PACKAGED in path.parents]
    assert weights
    assert not any(code.package_data()[path] for path in weights)
