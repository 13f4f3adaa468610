"""Your own Sentinel-2 products, level 1C or 2A, made into a model's input."""

from satsr.data.products.dates import Choice, DateInfo, choose_dates
from satsr.data.products.grid import Grid
from satsr.data.products.result import Note, Series
from satsr.data.products.sentinel2 import Product, open_product
from satsr.data.products.series import series

__all__ = ["Choice", "DateInfo", "Grid", "Note", "Product", "Series", "choose_dates", "open_product", "series"]
