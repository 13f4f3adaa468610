"""satsr."""
