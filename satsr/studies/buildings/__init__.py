"""Are the buildings there? A counter trained on HR counts them in every method's images."""
