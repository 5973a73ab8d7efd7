"""Vigil on videos: speed beside the original's algorithm and the bare loop, memory, recall."""
