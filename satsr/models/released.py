"""The checkpoints that the authors of "Zooming Out on Zooming In" released: `esrgan_8S2.pth` and its kin.

They hold weights and nothing else, so the architecture is read off names and shapes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from satsr.common.digests import file_digest
from satsr.common.weight_files import check_finite, read_weights
from satsr.models.superresolver import ModelCard, Sizes, SuperResolver

State = dict[str, Tensor]
RGB = ("red", "green", "blue")
# The released band sets (README of the reference code), each with eight images; channels = 8 * bands.
BANDS_10M = (*RGB, "b08")
BANDS_20M = (*BANDS_10M, "b05", "b06", "b07", "b11", "b12")
BANDS_60M = (*BANDS_20M, "b01", "b09", "b10")
BAND_SETS = {8 * len(bands): bands for bands in (BANDS_10M, BANDS_20M, BANDS_60M)}
RGB_DATES = (1, 2, 4, 8, 12, 16, 18)  # released, and handed out in the repository's issue 46
# BasicSR writes the averaged weights under the first name, the plain ones under the second.
KEYS = ("params_ema", "params", "state_dict", "model_state_dict")  # the last two of Lightning and many others
PARTS_NAMED = 3
DOUBLES_TWICE = 4  # the scale whose generator the ones of x2 and x1 look like
FOLDED = {2: 4, 1: 16}  # scale -> channels that one of the image becomes
IMAGES_IN_NAME = re.compile(r"(\d+)S2")  # as the released files say it


@dataclass(frozen=True)
class Architecture:
    """What names and shapes say.

    Attributes:
        method: name of the method.
        network: sizes, as the network's constructor takes them.
        channels: input channels of one date, or of all dates stacked.
        dates: number of dates, 0 where only the bands can tell.
        bands_out: number of output bands.
        scale: enlargement.
    """

    method: str
    network: Sizes
    channels: int
    dates: int
    bands_out: int
    scale: int


def load_released(
    path: Path, bands: tuple[str, ...] = (), scale: int | None = None, dates: int | None = None
) -> SuperResolver:
    """Open a released checkpoint, ready for inference on the CPU.

    Args:
        path: a file of weights, plain or under a key that BasicSR or Lightning writes; a part that all names begin
            with, such as `module.`, is looked through.
        bands: names of the input bands of one date, where the number of channels leaves them open.
        scale: enlargement, where shapes leave it open.
        dates: number of dates, where shapes leave it open.

    Raises:
        ValueError: the file is damaged, holds code, is of an unknown architecture, misses weights or has others, or
            its bands must be named.
    """
    state, found = _architecture(path, _state(path), scale)
    check_finite(path, state)
    found = _of_one_reading(path, found, bands, scale, dates)
    names, own_dates = _bands_and_dates(path, found, bands)
    if dates not in (None, own_dates):
        raise ValueError(f"{path} takes {own_dates} dates of {len(names)} bands, and dates={dates} was asked for")
    card = ModelCard(
        method=found.method,
        network=found.network,
        dates=own_dates,
        bands_in=names,
        bands_out=RGB[: found.bands_out],
        scale=found.scale,
        license="as released by its authors",
        provenance={"file": path.name, "sha256": file_digest(path)},
    )
    with torch.device("meta"):  # no memory and no random weights for what the file fills
        model = SuperResolver(card)
    try:
        model.network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines()[1 : 1 + PARTS_NAMED])
        raise ValueError(f"{path} does not fit {found.method} as its shapes describe it: {reason}") from None
    return model.float().eval()


def _state(path: Path) -> State:
    content = read_weights(path)
    named = content if isinstance(content, dict) else {}
    state = next((named[key] for key in KEYS if key in named), named)
    tensors = isinstance(state, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items())
    if not tensors or not state:
        raise ValueError(f"{path} holds no state dict, plain or under {' or '.join(KEYS)}: expected a BasicSR file")
    return state


def _architecture(path: Path, state: State, scale: int | None) -> tuple[State, Architecture]:
    """Return the weights of the one network, by its own names, and its architecture."""
    for marks, read in READERS:
        before = _common_beginnings(state, marks)
        if len(before) > 1:
            raise ValueError(f"{path} holds {len(before)} networks ({', '.join(before)}): save one of them by itself")
        if before:
            own = {name.removeprefix(before[0]): value for name, value in state.items() if name.startswith(before[0])}
            try:
                return own, read(own)
            except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
                raise ValueError(f"{path} misses weights or has them in another shape: {error}") from None
    raise ValueError(
        f"{path} is of an unknown architecture (its first weights: {', '.join(sorted(state)[:PARTS_NAMED])}): expected "
        "the generator of ESRGAN, SRCNN or HighResNet"
    )


def _esrgan(state: State) -> Architecture:
    features, channels = state["conv_first.weight"].shape[:2]
    scale = 16 if "conv_up4.weight" in state else 8 if "conv_up3.weight" in state else 4
    network: Sizes = {
        "num_feat": features,
        "num_block": _count(state, "body"),
        "num_grow_ch": state["body.0.rdb1.conv1.weight"].shape[0],
    }
    return Architecture("esrgan", network, channels, 0, len(state["conv_last.bias"]), scale)


def _worldstrat(state: State) -> Architecture:
    first, shuffled = state["encoder.doubleconv2d.0.weight"], state["sr.upsample.1.weight"]
    hidden, channels, kernel_size = first.shape[:3]
    zoom = math.isqrt(hidden // shuffled.shape[1])
    network: Sizes = {
        "hidden_channels": hidden,
        "kernel_size": kernel_size,
        "residual_layers": _count(state, "residualblocks"),
        "sr_kernel_size": shuffled.shape[-1],
    }
    dates = state["doubleconv2d.doubleconv2d.0.weight"].shape[1] // hidden
    method = "highresnet" if any(name.startswith("fusion.fusion.") for name in state) else "srcnn"
    return Architecture(method, network, channels, dates, len(state["sr.upsample.4.bias"]), zoom)


# The weights that give an architecture away, and how its sizes are read.
READERS: tuple[tuple[tuple[str, ...], Callable[[State], Architecture]], ...] = (
    (("conv_first.weight", "conv_last.weight"), _esrgan),
    (("encoder.doubleconv2d.0.weight", "sr.upsample.1.weight"), _worldstrat),
)


def _common_beginnings(state: State, marks: tuple[str, ...]) -> list[str]:
    """Return what stands before all of the marks, such as `module.`; one for every network."""
    ends = sorted(name.removesuffix(marks[0]) for name in state if name.endswith(marks[0]))
    return [before for before in ends if all(before + mark in state for mark in marks)]


def _of_one_reading(
    path: Path, found: Architecture, bands: tuple[str, ...], scale: int | None, dates: int | None
) -> Architecture:
    """Return the architecture; of a generator whose shapes leave several readings, the one that something decides.

    x2 and x1 fold 2 x 2 and 4 x 4 pixels into channels, and so look like x4 of 4 and 16 times as many: one RGB image
    at x2 is four at x4. The user decides, else the name of a released file, else that one image is likely.

    Raises:
        ValueError: nothing decides, or the scale does not fit the shapes.
    """
    readings = {found.scale: found.channels}
    if found.method == "esrgan" and found.scale == DOUBLES_TWICE:
        readings |= {s: found.channels // folded for s, folded in FOLDED.items() if found.channels % folded == 0}
    one_date = len(bands or RGB)
    if scale is not None:
        chosen = [scale] if scale in readings else []
    elif dates is not None:
        chosen = [s for s, channels in readings.items() if channels == dates * one_date] or [found.scale]
    elif IMAGES_IN_NAME.search(path.name):
        chosen = [found.scale]
    else:
        chosen = [s for s, channels in readings.items() if s == found.scale or channels == one_date]
    if len(chosen) != 1:
        every = " or ".join(f"{channels / one_date:g} dates at x{s}" for s, channels in readings.items())
        asked = f", and scale {scale} was asked for" if scale is not None else ""
        raise ValueError(
            f"{path} takes {found.channels} channels, which read as {every} of {one_date} bands{asked}: say scale= or "
            "dates= (and bands=, where they are not red, green and blue)"
        )
    return replace(found, scale=chosen[0], channels=readings[chosen[0]])


def _count(state: State, part: str) -> int:
    """Return how many numbered blocks a part has."""
    return len({name.split(".")[1] for name in state if name.startswith(f"{part}.")})


def _bands_and_dates(path: Path, found: Architecture, bands: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    channels = found.channels
    if found.dates:
        names = bands or (RGB if channels == len(RGB) else ())
        dates = found.dates
    elif bands:
        names, dates = bands, channels // len(bands)
    elif channels in BAND_SETS:
        names, dates = BAND_SETS[channels], 8
    elif channels % len(RGB) == 0 and channels // len(RGB) in RGB_DATES:
        names, dates = RGB, channels // len(RGB)
    else:
        names, dates = (), 0
    if not names or channels != len(names) * (1 if found.dates else dates):
        raise ValueError(
            f"{path} takes {channels} channels{' a date' if found.dates else ''}, which "
            f"{len(bands) or 'no known set of'} bands do not give: name the bands of one date with bands=(...)"
        )
    return names, dates
