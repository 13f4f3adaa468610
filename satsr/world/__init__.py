"""The embedded world: landscapes from a seed, and what a camera sees of them. Nothing on disk."""
