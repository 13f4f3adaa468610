"""Order and sides: random between sessions, the same within one, whatever else is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsr.studies.voting.order import Ask, Choice, ordered
from tests.studies.voting.voting_questions import MODEL_OF, TARGET, all_questions, question

QUESTIONS = all_questions(["1_1", "1_2", "2_1"])
SESSIONS = range(600)

sessions = st.integers(0, 10**9 - 1)


def model_at(ask: Ask, side: str) -> str:
    color = tuple(int(v) for v in ask.image(side)[0, 0])  # type: ignore[arg-type]
    return MODEL_OF[color]  # type: ignore[index]


def view(asks: dict[str, Ask]) -> list[tuple[str, tuple, str]]:
    return [(token, ask.question.key, model_at(ask, "left")) for token, ask in asks.items()]


@given(session=sessions)
def test_every_question_is_asked_once_with_both_models_around_the_target(session: int) -> None:
    asks = ordered(QUESTIONS, session)
    assert {a.question.key for a in asks.values()} == {q.key for q in QUESTIONS}
    assert len(asks) == len(QUESTIONS)
    for ask in asks.values():
        assert {model_at(ask, "left"), model_at(ask, "right")} == {ask.question.model1, ask.question.model2}
        assert (ask.image("target") == TARGET).all()


@given(session=sessions, listed=st.permutations(QUESTIONS), kept=st.integers(1, len(QUESTIONS)))
def test_a_session_sees_the_same_however_the_questions_are_listed(session: int, listed: list, kept: int) -> None:
    everything = view(ordered(QUESTIONS, session))
    part = view(ordered(listed[:kept], session))
    assert part == [line for line in everything if line in part]
    exchanged = [question(q.place, q.model2, q.model1) for q in QUESTIONS]
    assert view(ordered(exchanged, session)) == everything


@given(session=sessions, choice=st.sampled_from(["left", "neither", "right"]))
def test_an_answer_names_the_model_on_the_chosen_side(session: int, choice: Choice) -> None:
    for ask in ordered(QUESTIONS, session).values():
        meant = {0: ask.question.model1, 1: None, 2: ask.question.model2}[ask.answer(choice)]
        assert meant == (None if choice == "neither" else model_at(ask, choice))


def test_sides_and_places_in_the_order_are_balanced_over_sessions() -> None:
    seen = [list(ordered(QUESTIONS, session).values()) for session in SESSIONS]
    first_on_left = np.array([[not a.swapped for a in sorted(s, key=lambda a: a.question.key)] for s in seen])
    # Shares of 600 draws: standard deviation 0.020 around 1/2, and 0.013 around 1/9; five of them are allowed.
    assert first_on_left.mean(axis=0) == pytest.approx(0.5, abs=0.10)
    asked_first = [sum(s[0].question.key == q.key for s in seen) / len(seen) for q in QUESTIONS]
    assert asked_first == pytest.approx([1 / 9] * 9, abs=0.064)


def test_tokens_differ_between_sessions() -> None:
    tokens = [token for session in SESSIONS for token in ordered(QUESTIONS, session)]
    assert len(set(tokens)) == len(tokens)
