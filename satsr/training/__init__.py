"""Training of everything that makes images."""
