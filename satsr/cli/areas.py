"""Areas as the command line takes them."""

from __future__ import annotations


def numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """Return four numbers, None for none."""
    if text is None:
        return None
    try:
        found = tuple(map(float, text.split(",")))
    except ValueError:
        found = ()
    if len(found) != 4:
        raise ValueError(f"got {option} {text}, expected four numbers with commas between them")
    return found


def pixels(text: str | None, option: str) -> tuple[int, ...] | None:
    """Return four whole numbers, None for none."""
    found = numbers(text, option)
    if found is None:
        return None
    if not all(number.is_integer() for number in found):  # neither nan nor inf is
        raise ValueError(f"got {option} {text}, expected four whole numbers: row,column,height,width in pixels")
    return tuple(map(int, found))
