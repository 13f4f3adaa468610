"""Faults of images, one each and as strong as asked for: what a metric, or a use, should take for worse."""
