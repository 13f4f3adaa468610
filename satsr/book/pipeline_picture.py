"""The pipeline as a picture: boxes of stages, in layers, drawn from `dvc.yaml`.

Stages that need the same and are needed by the same share a box; a line that follows from others is left out. Lines and
letters take the color of the page, light or dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from satsr.pipeline.jobs import jobs_of
from satsr.pipeline.params import load_study
from satsr.pipeline.stages import read_stages

LINE, LETTER, PAD = 17, 7.2, 8  # px: height of a line of text, width of a letter at most, space inside a box
GAP_X, GAP_Y, BEND = 18, 46, 6  # px: between boxes of a layer, between layers, width of a line that passes a layer
SWEEPS = 12
Needs = Mapping[str, frozenset[str]]


@dataclass
class Node:
    """A box, or a place where a line passes a layer.

    Attributes:
        lines: its text, empty for a line.
        title: what each stage in it does.
        layer: 0 is the first.
        above: nodes of the layer before that it hangs from.
        x: of its middle, px.
    """

    lines: tuple[str, ...]
    title: str
    layer: int
    above: tuple[int, ...] = ()
    x: float = 0.0

    @property
    def width(self) -> float:
        """In px."""
        return max(map(len, self.lines)) * LETTER + 2 * PAD if self.lines else BEND

    @property
    def height(self) -> float:
        """In px."""
        return len(self.lines) * LINE + PAD if self.lines else 0.0


def pipeline_picture(root: Path) -> str:
    """Return a piece of a page that shows the pipeline of the profile which `params.yaml` names."""
    stages = read_stages(root)
    study = load_study(root)
    jobs = jobs_of(stages, study.profile, study.model_dump(mode="json"))
    count = {name: sum(job.stage.name == name for job in jobs.values()) for name in stages}
    needs = {
        name: frozenset(jobs[a].stage.name for job in jobs.values() if job.stage.name == name for a in job.after)
        for name in stages
        if count[name]
    }
    text = {name: name if count[name] == 1 else f"{name} × {count[name]}" for name in needs}
    about = {name: f"{name}: {stages[name].text.get('desc', '')}" for name in needs}
    nodes = place(layered(without_detours(needs), text, about))
    return f"```{{raw}} html\n{_svg(nodes)}\n```\n"


def without_detours(needs: Needs) -> dict[str, frozenset[str]]:
    """Return what each stage needs, without what it needs through another one anyway.

    Args:
        needs: by stage, in an order in which they can run.
    """
    all_before: dict[str, set[str]] = {}
    for name, before in needs.items():
        all_before[name] = set(before).union(*(all_before[other] for other in before))
    return {name: before - set().union(*(all_before[other] for other in before)) for name, before in needs.items()}


def boxes(needs: Needs) -> dict[tuple[str, ...], frozenset[str]]:
    """Return stages that need the same and are needed by the same, as one box: its stages -> what they need."""
    groups: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
    for name, before in needs.items():
        followers = frozenset(other for other, theirs in needs.items() if name in theirs)
        groups.setdefault((before, followers), []).append(name)
    return {tuple(names): before for (before, _), names in groups.items()}


def layered(needs: Needs, text: Mapping[str, str], about: Mapping[str, str]) -> list[Node]:
    """Return a node for every box, in layers, and for every layer that a line passes.

    Args:
        needs: by stage, in an order in which they can run, without detours.
        text: how a stage is written.
        about: what it does.
    """
    nodes: list[Node] = []
    place_of: dict[str, int] = {}
    waiting = dict(boxes(needs))
    while waiting:
        names = next(names for names, before in waiting.items() if before <= place_of.keys())
        sources = sorted({place_of[other] for other in waiting.pop(names)})
        layer = max((nodes[source].layer for source in sources), default=-1) + 1
        above = tuple(_reaching(nodes, source, layer) for source in sources)
        place_of |= dict.fromkeys(names, len(nodes))
        nodes.append(Node(tuple(text[n] for n in names), "\n".join(about[n] for n in names), layer, above))
    return nodes


def _reaching(nodes: list[Node], source: int, layer: int) -> int:
    """Lead a line from a node down to the layer before another, and return the node where it ends."""
    while nodes[source].layer < layer - 1:
        passing = [i for i, n in enumerate(nodes) if not n.lines and n.above == (source,)]
        if not passing:
            nodes.append(Node((), "", nodes[source].layer + 1, (source,)))
        source = passing[0] if passing else len(nodes) - 1
    return source


def place(nodes: list[Node]) -> list[Node]:
    """Give every node its place in its layer: near the middle of what it hangs from and of what hangs from it."""
    layers: dict[int, list[int]] = {}
    for number, node in enumerate(nodes):
        layers.setdefault(node.layer, []).append(number)
    below = [[i for i, other in enumerate(nodes) if number in other.above] for number in range(len(nodes))]
    for _ in range(SWEEPS):
        for neighbours in ([node.above for node in nodes], below):
            for layer in sorted(layers, reverse=neighbours is below):
                wish = {n: _mean((nodes[m].x for m in neighbours[n]), nodes[n].x) for n in layers[layer]}
                layers[layer].sort(key=wish.__getitem__)
                _spread(nodes, layers[layer], wish)
    return nodes


def _mean(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise


def _spread(nodes: list[Node], row: list[int], wish: Mapping[int, float]) -> None:
    """Put a row's nodes side by side, as near to where they wish to be as their widths allow."""
    right = float("-inf")
    for number in row:
        node = nodes[number]
        node.x = max(wish[number], right + GAP_X + node.width / 2)
        right = node.x + node.width / 2
    shift = _mean((wish[number] - nodes[number].x for number in row), 0.0)
    for number in row:
        nodes[number].x += shift


def _svg(nodes: list[Node]) -> str:
    left = min(node.x - node.width / 2 for node in nodes) - 2
    width = max(node.x + node.width / 2 for node in nodes) + 2 - left
    heights = [max(n.height for n in nodes if n.layer == layer) for layer in range(max(n.layer for n in nodes) + 1)]
    tops = [2 + sum(heights[:layer]) + GAP_Y * layer for layer in range(len(heights))]
    height = tops[-1] + heights[-1] + 2
    lines = " ".join(_line(nodes[source], node, tops, heights) for node in nodes for source in node.above)
    drawn = "\n".join(_box(node, tops[node.layer]) for node in nodes if node.lines)
    return (
        f'<svg role="img" aria-label="The stages of the pipeline, from data to tables" viewBox="{left:.0f} 0 '
        f'{width:.0f} {height:.0f}" style="width: 100%; max-width: {width:.0f}px" fill="none" stroke="currentColor" '
        f'font-size="12" font-family="ui-monospace, monospace">\n<path d="{lines}" stroke-opacity="0.45"/>\n'
        f"{drawn}\n</svg>"
    )


def _line(source: Node, target: Node, tops: list[float], heights: list[float]) -> str:
    """Draw a line: straight down to the end of its layer, past taller boxes, then to where it goes."""
    start, end, y = tops[source.layer] + source.height, tops[source.layer] + heights[source.layer], tops[target.layer]
    middle = (end + y) / 2
    bend = f"C{source.x:.0f} {middle:.0f} {target.x:.0f} {middle:.0f} {target.x:.0f} {y:.0f}"
    return f"M{source.x:.0f} {start:.0f} V{end:.0f} {bend}"


def _box(node: Node, top: float) -> str:
    x, texts = node.x - node.width / 2, []
    for number, line in enumerate(node.lines, 1):
        y = top + number * LINE - 1
        texts.append(f'<text x="{node.x:.0f}" y="{y:.0f}" text-anchor="middle">{escape(line)}</text>')
    frame = f'<rect x="{x:.0f}" y="{top:.0f}" width="{node.width:.0f}" height="{node.height:.0f}" rx="5"'
    return (
        f'<g><title>{escape(node.title)}</title>{frame} fill="currentColor" fill-opacity="0.06"/>'
        f'<g fill="currentColor" stroke="none">{"".join(texts)}</g></g>'
    )
