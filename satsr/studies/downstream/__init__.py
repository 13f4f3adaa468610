"""Is super-resolution good for machines? Task networks that are given LR, outputs of methods, or HR."""
