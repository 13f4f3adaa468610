"""Is a data set whole, named as published, and are its splits apart?"""
