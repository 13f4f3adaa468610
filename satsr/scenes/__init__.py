"""Your own scenes: products in, super-resolved images out."""
