"""The image suite: ``python -m benchmarks.images --help``."""
