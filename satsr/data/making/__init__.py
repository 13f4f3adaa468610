"""Data sets that the study makes itself: from the embedded world, from your images, from your pairs."""
