"""Terrain, water, climates, fields and seasons."""
