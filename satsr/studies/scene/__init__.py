"""A whole embedded region as a scene of one's own: made, super-resolved, looked at, timed."""
