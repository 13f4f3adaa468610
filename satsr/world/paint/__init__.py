"""From what stands where to reflectance: canvas, materials, textures."""
