"""The floor: settings, paths, digests, device, progress, provenance. Imports nothing of the other rooms."""
