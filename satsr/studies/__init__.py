"""One folder or file per question that the book answers."""
