"""A data set as a few large files, mapped into memory, with an index of its places."""
