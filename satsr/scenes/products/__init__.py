"""Your own Sentinel-2 products, level 1C or 2A, made into a model's input."""

from satsr.scenes.products.date_choice import Choice, DateInfo, choose_dates
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.result import Note, Series
from satsr.scenes.products.sentinel2 import Product, open_product
from satsr.scenes.products.series import series

__all__ = ["Choice", "DateInfo", "Grid", "Note", "Product", "Series", "choose_dates", "open_product", "series"]
