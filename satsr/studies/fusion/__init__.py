"""What fusion, number of dates and time do for SatDiffMoE, and what its spread says."""
