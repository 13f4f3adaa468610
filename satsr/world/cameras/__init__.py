"""Sensors, flight days and sun: from a landscape to an image."""
