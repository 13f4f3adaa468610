"""What a change of a training does: named variants of one training, from the same start, paired by seed."""
