"""The ledger of claims: what was published, what was measured, and a word by rule."""
