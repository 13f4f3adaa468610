"""The ledger as a table: one row per claim, a word and numbers for every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from satsr.book.ledger.evidence import EVIDENCE
from satsr.book.ledger.words import Part, Word, word, word_of_all

CLAIMS = Path("book/published/claims.csv")
COLUMNS = ["source", "claim", "published", "status", "rule", "page", "table"]


@dataclass(frozen=True)
class Claim:
    """What was claimed, and where it is answered.

    Attributes:
        source: paper, or this study.
        claim: in a few words.
        published: its size, in words.
        status: why no rule can judge it; empty where one does.
        rule: name in `EVIDENCE`.
        page: of the book, without suffix.
        table: whose rows decide, below a run's results.
    """

    source: str
    claim: str
    published: str
    status: str
    rule: str
    page: str
    table: str


@dataclass(frozen=True)
class Verdict:
    """What one run says of a claim."""

    word: Word
    parts: tuple[Part, ...]

    def lines(self) -> list[str]:
        """Return the numbers in words, a line for each part; what all of them want is said once."""
        told = [part for part in self.parts if part.text()]
        wanting = list(dict.fromkeys(part.wanting for part in told))
        if len(wanting) == 1:
            return [*(part.text() for part in told), *(one for one in wanting if one)]
        return [part.text() + (f" ({part.wanting})" if part.wanting else "") for part in told]


def read_claims(root: Path) -> list[Claim]:
    """Return all claims in the order of the ledger.

    Raises:
        ValueError: a column is missing, or a claim has neither a rule that exists nor a reason why there is none.
    """
    table = pd.read_csv(root / CLAIMS, keep_default_na=False, dtype=str)
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{CLAIMS}: no column {', '.join(missing)}, expected {', '.join(COLUMNS)}: add it")
    claims = [Claim(**{name: str(getattr(row, name)) for name in COLUMNS}) for row in table.itertuples()]
    for claim in claims:
        if claim.rule and claim.rule not in EVIDENCE:
            known = ", ".join(EVIDENCE)
            raise ValueError(f"{CLAIMS}, {claim.claim!r}: unknown rule {claim.rule!r}, expected one of {known}")
        if not claim.rule and not claim.status:
            raise ValueError(f"{CLAIMS}, {claim.claim!r} has no rule, expected one, or a status that says why not")
    return claims


def verdict(claim: Claim, results: Path) -> Verdict:
    """Return what a run's tables say of a claim.

    Raises:
        ValueError: a table lacks what the rule reads.
    """
    if not claim.rule:
        return Verdict("not run", ())
    try:
        parts = EVIDENCE[claim.rule](results)
    except (KeyError, AttributeError, IndexError) as error:
        raise ValueError(
            f"{results / claim.table}: the rule {claim.rule} of {CLAIMS} needs {error}: run the stage again, or "
            "mend the rule"
        ) from error
    return Verdict(word_of_all(parts), tuple(parts))


@dataclass(frozen=True)
class Ledger:
    """Every claim with what some runs say of it.

    Attributes:
        runs: name -> results, in the order of the page.
        rows: a claim, and its verdict in every run.
    """

    runs: Mapping[str, Path]
    rows: tuple[tuple[Claim, dict[str, Verdict]], ...]

    @classmethod
    def of(cls, root: Path, runs: Mapping[str, Path]) -> Ledger:
        """Judge every claim of a project by runs.

        Raises:
            ValueError: a claim has no rule, or a table lacks what a rule reads.
        """
        claims = read_claims(root)
        judged = ((claim, {name: verdict(claim, results) for name, results in runs.items()}) for claim in claims)
        return cls(runs, tuple(judged))

    def table(self, run: str) -> pd.DataFrame:
        """Return a row per claim and part of one run: what `results/<profile>/claims.csv` holds."""
        rows = []
        for claim, found in self.rows:
            for part in found[run].parts or (Part(""),):
                numbers = {name: getattr(part, name) for name in ("of", "estimate", "low", "high", "unit", "published")}
                own = {"word": word(part), "wanting": part.wanting or claim.status, "claim_word": found[run].word}
                where = {"page": claim.page, "table": claim.table, "profile": self.runs[run].name}
                rows.append({"source": claim.source, "claim": claim.claim, **numbers, **own, **where})
        return pd.DataFrame(rows)
