"""What is on an image: networks that learn on HR images to see objects, and count them in outputs."""
