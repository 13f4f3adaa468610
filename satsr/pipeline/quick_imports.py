"""`nbformat` without what makes its import slow."""

import sys

# nbformat checks notebooks with jsonschema, which takes up this package wherever it finds it; its import compiles a
# grammar of internationalised web addresses, for two seconds, and no notebook's schema asks for one.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402

__all__ = ["nbformat"]
