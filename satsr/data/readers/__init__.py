"""One reader per published data set, each in its authors' layout on disk."""
