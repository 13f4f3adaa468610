"""Words about progress and sizes."""

from __future__ import annotations

import pytest

from satsr.common.progress import bytes_in_words


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (999, "999 B"), (48.3e9, "48.3 GB"), (3.5e12, "3.5 TB")])
def test_bytes_in_words(count: float, words: str) -> None:
    assert bytes_in_words(count) == words
