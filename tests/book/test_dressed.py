"""Pages show code folded and the verdict under the title, and still are the notebooks that ran."""

from __future__ import annotations

import json
from typing import Any

import pytest

from satsr.book.dressed import dressed


def notebook(alt: str | None = "A line.") -> dict[str, Any]:
    """A title, and a cell with a figure."""
    about = {"mystnb": {"image": {"alt": alt}}} if alt is not None else {}
    figure = {"output_type": "display_data", "data": {"image/png": "..."}, "metadata": {}}
    cell = {
        "cell_type": "code",
        "source": ["draw();"],
        "metadata": {"tags": ["parameters"], **about},
        "outputs": [figure],
    }
    return {"cells": [{"cell_type": "markdown", "source": ["# Title"], "metadata": {}}, cell], "nbformat": 4}


def test_code_is_folded_and_what_is_said_comes_under_the_title() -> None:
    page = json.loads(dressed(json.dumps(notebook()).encode(), ["**one**", "**two**"]))
    assert [cell["cell_type"] for cell in page["cells"]] == ["markdown", "markdown", "code"]
    assert page["cells"][1]["source"] == "**one**\n\n**two**"
    assert page["cells"][2]["metadata"]["tags"] == ["parameters", "hide-input"]
    assert page["cells"][2]["source"] == ["draw();"]
    assert len(json.loads(dressed(json.dumps(notebook()).encode(), []))["cells"]) == 2


@pytest.mark.parametrize("alt", [None, ""])
def test_a_figure_without_text_stops_the_book(alt: str | None) -> None:
    with pytest.raises(ValueError, match=r"the figure of 'draw\(\);' has no text: add mystnb\.image\.alt"):
        dressed(json.dumps(notebook(alt)).encode(), [])


def test_a_number_and_its_interval_stay_on_one_line() -> None:
    given = notebook()
    table = ["<td>17.53 [16.79, 18.21]</td>", "<td>a list [of, words, here] and more</td>"]
    given["cells"][1]["outputs"].append({"output_type": "execute_result", "data": {"text/html": table}})
    page = json.loads(dressed(json.dumps(given).encode(), []))
    html = page["cells"][1]["outputs"][1]["data"]["text/html"]
    assert html == "<td>17.53&nbsp;[16.79,&nbsp;18.21]</td><td>a list [of, words, here] and more</td>"
