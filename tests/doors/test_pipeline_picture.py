"""The picture of the pipeline: every stage once, no line that follows from others, no box on another."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest

from satsr.book.pipeline_picture import boxes, layered, pipeline_picture, place, without_detours
from satsr.pipeline.stages import read_stages
from tests.conftest import ROOT

NEEDS = {
    "a": frozenset(),
    "b": frozenset("a"),
    "c": frozenset("a"),
    "d": frozenset("abc"),
    "e": frozenset("ad"),
    "f": frozenset("ab"),
}


@pytest.fixture(scope="module")
def picture() -> ElementTree.Element:
    svg = re.search(r"<svg.*</svg>", pipeline_picture(ROOT), re.DOTALL)
    assert svg is not None
    return ElementTree.fromstring(svg[0])


def test_a_line_that_follows_from_others_is_left_out() -> None:
    found = without_detours(NEEDS)
    assert found == {**NEEDS, "d": frozenset("bc"), "e": frozenset("d"), "f": frozenset("b")}


def test_stages_that_stand_alike_share_a_box() -> None:
    alike = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("bc"), "e": frozenset("a")}
    assert list(boxes(alike)) == [("a",), ("b", "c"), ("d",), ("e",)]


def test_a_line_reaches_its_box_through_every_layer_between() -> None:
    needs = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("b"), "z": frozenset(), "d": frozenset("cz")}
    text = {name: name for name in needs}
    nodes = place(layered(needs, text, text))
    for node in nodes:
        assert all(nodes[above].layer == node.layer - 1 for above in node.above)
    (last,) = [node for node in nodes if node.lines == ("d",)]
    assert last.layer == 3
    assert {nodes[above].lines for above in last.above} == {("c",), ()}


def test_boxes_of_a_layer_do_not_touch() -> None:
    needs = {"root": frozenset(), **{f"a rather long name {n}": frozenset(["root"]) for n in range(3)}}
    needs |= {f"leaf {n}": frozenset([f"a rather long name {n}"]) for n in range(3)}
    text = {name: name for name in needs}
    nodes = place(layered(needs, text, text))
    for one, other in itertools.combinations(nodes, 2):
        assert one.layer != other.layer or abs(one.x - other.x) > (one.width + other.width) / 2


def test_it_shows_every_stage_that_runs_once(picture: ElementTree.Element) -> None:
    shown = [str(text.text).split(" × ")[0] for text in picture.iter("text")]
    assert sorted(shown) == sorted(name for name in read_stages(ROOT) if name != "real_pairs")


def test_it_takes_the_colors_of_its_page_and_has_a_name(picture: ElementTree.Element) -> None:
    colors = {value for element in picture.iter() for name in ("fill", "stroke") if (value := element.get(name))}
    assert colors == {"currentColor", "none"}
    assert picture.get("role") == "img"
    assert picture.get("aria-label")
