"""What is asked: one place, its target, and the outputs of two models."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Image8 = NDArray[np.uint8]
Key = tuple[str, str, str]  # place and the two models in alphabetical order: one question, whichever comes first
Answer = Literal[0, 1, 2]  # model1 preferred, undecided, model2 preferred, as the reference code codes them


def key_of(place: str, model1: str, model2: str) -> Key:
    """Return what identifies a question: the order of its two models does not matter."""
    first, second = sorted((model1, model2))
    return place, first, second


@dataclass(frozen=True, eq=False)
class Question:
    """Two candidates for one target.

    Attributes:
        place: name of the chip.
        model1: name of the method behind `image1`; the voter never learns it.
        model2: name of the method behind `image2`.
        target: (H, W, 3) 8-bit RGB.
        image1: of the same shape, so that size gives no model away.
        image2: of the same shape.

    Raises:
        ValueError: for names that a line of the votes file cannot hold, for one model twice, for images that
            are not 8-bit RGB or differ in shape.
    """

    place: str
    model1: str
    model2: str
    target: Image8
    image1: Image8
    image2: Image8

    def __post_init__(self) -> None:
        for name in (self.place, self.model1, self.model2):
            if not name or not name.isprintable():
                raise ValueError(f"got the name {name!r}, expected printable characters: rename the place or the model")
        if self.model1 == self.model2:
            raise ValueError(f"{self.place}: got {self.model1!r} twice, expected two different models: leave it out")
        for image in (self.target, self.image1, self.image2):
            _check_image(self.place, image, self.target.shape)

    @property
    def key(self) -> Key:
        """What identifies the question."""
        return key_of(self.place, self.model1, self.model2)


def png_bytes(image: Image8) -> bytes:
    """Encode an image (H, W, 3) as PNG, in memory."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _check_image(place: str, image: Image8, shape: tuple[int, ...]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        got = f"{image.dtype} {image.shape}"
        raise ValueError(f"{place}: got {got}, expected uint8 (H, W, 3): convert the image to 8-bit RGB first")
    if image.shape != shape:
        raise ValueError(f"{place}: got {image.shape} beside a target of {shape}: resize the candidates first")
