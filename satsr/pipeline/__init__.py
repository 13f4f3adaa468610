"""How the study runs: stages, notebooks, code fingerprints, settings as a whole, comparison of runs."""
