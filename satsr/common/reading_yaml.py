"""Reading YAML as YAML 1.2 has it and as DVC reads the same file, so that no value is a number for one of them alone.

PyYAML follows YAML 1.1: `1e-6` is text there, `010` is 8, `1:30` is 90, and `no` is false.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from satsr.common.reading_text import read_text, readable

# The words of each kind, and what they may begin with: those of YAML 1.2 as DVC's parser (ruamel.yaml) has them, which
# also takes 1_000 and 0b11.
_WORDS = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": ("[-+]?(?:0b[01][01_]*|0o[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[0-9_]*[0-9][0-9_]*)", "-+0123456789"),
    "float": (
        r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
        r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
_TAG = "tag:yaml.org,2002:"
_BASES = {"0b": 2, "0o": 8, "0x": 16}


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the numbers and truth values of YAML 1.2; a name that stands twice is an error."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return the names and values of a block; of two with one name, PyYAML would silently take the second."""
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (name := (key.tag, key.value)) in seen:
                raise yaml.composer.ComposerError(None, None, f"the name {key.value!r} twice", key.start_mark)
            elif isinstance(key, yaml.ScalarNode) and key.tag != f"{_TAG}merge":
                seen.add(name)
        return node


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node).replace("_", "").lower()
    digits = text.lstrip("+-")
    base = _BASES.get(digits[:2], 10)
    return int(digits[2:] if base != 10 else digits, base) * (-1 if text.startswith("-") else 1)


Loader.yaml_implicit_resolvers = {
    first: [(tag, words) for tag, words in found if tag.removeprefix(_TAG) not in _WORDS]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, (_words, _first) in _WORDS.items():
    Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_words})$"), list(_first))
Loader.add_constructor(f"{_TAG}int", _int)


def read_yaml(path: Path, remedy: str = "correct it there") -> dict[str, Any]:
    """Return the names and values of a YAML file.

    Args:
        path: of the file.
        remedy: what errors tell to do.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file, or a folder.
        ValueError: it is not UTF-8 or not YAML, or holds something else than names with values.
    """
    found = parse_yaml(read_text(path, remedy), str(path), remedy)
    if not isinstance(found, dict):
        raise ValueError(f"{path}: got {type(found).__name__}, expected names with values: {remedy}")
    return found


def parse_yaml(text: str, name: str, remedy: str = "correct it there") -> Any:
    """Return what YAML holds.

    Raises:
        ValueError: it is not YAML; the message names the line.
    """
    try:
        with readable(name, "YAML", remedy):
            return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{_where(name, error)}: got {_problem(error)}, expected YAML: {remedy}") from None


def _where(name: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"{name}, line {mark.line + 1}" if mark else name


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"a character that YAML does not have ({error.character:#x})"
    said = [getattr(error, part, None) for part in ("problem", "context")]
    return " ".join(", ".join(part for part in said if part).split()) or "what cannot be read"
