"""Days since 1970, as samples hold them."""

from __future__ import annotations

from datetime import date, timedelta


def date_of(days: float) -> date:
    """Return the date."""
    return date(1970, 1, 1) + timedelta(days=int(days))
