"""Counters: networks that learn on HR images to see objects of one kind, and what they see compared with the truth."""
