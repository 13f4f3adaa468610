"""The order in which one session is asked, and which model stands on which side.

Both come from digests of the session number and the question's own names. They look random, but a session that
is resumed sees the same, even when questions were added or listed in another order in between.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from satsr.common.digests import text_digest
from satsr.studies.voting.questions import Answer, Image8, Key, Question

View = Literal["left", "target", "right"]
Choice = Literal["left", "neither", "right"]

VIEWS: tuple[View, ...] = get_args(View)
CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True)
class Ask:
    """A question as one session sees it.

    Attributes:
        token: its name in the browser. It differs between sessions, so that an answer that reaches the wrong
            session is refused instead of being read with the sides exchanged.
        question: what is asked.
        swapped: whether model2 stands on the left.
    """

    token: str
    question: Question
    swapped: bool

    def image(self, view: View) -> Image8:
        """Return the image (H, W, 3) that stands in a place of the page."""
        if view == "target":
            return self.question.target
        return self.question.image2 if (view == "left") == self.swapped else self.question.image1

    def answer(self, choice: Choice) -> Answer:
        """Return what a choice means in the votes file."""
        if choice == "neither":
            return 1
        return 2 if (choice == "left") == self.swapped else 0


def ordered(questions: Sequence[Question], session: int) -> dict[str, Ask]:
    """Return the questions in the session's order, by token.

    Args:
        questions: with keys of their own.
        session: number of the session.
    """
    asks = [_ask(question, session) for question in questions]
    return {ask.token: ask for ask in sorted(asks, key=lambda ask: ask.token)}


def _ask(question: Question, session: int) -> Ask:
    first_model_left = int(_digest("side", session, question.key)[:2], 16) % 2 == 0
    left = question.key[1] if first_model_left else question.key[2]
    return Ask(_digest("token", session, question.key)[:16], question, swapped=left == question.model2)


def _digest(purpose: str, session: int, key: Key) -> str:
    return text_digest(json.dumps([purpose, session, *key]))
