"""Diffusion: noise of a place, ways from noise to an image, and the loop that goes them."""
