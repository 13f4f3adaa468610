"""Every method on the papers' other data sets."""
