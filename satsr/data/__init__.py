"""Data: the sample contract, one reader per data set, and the embedded procedural world."""
