"""Measurements of Vigil beside other ways to serve the same model; see ``benchmarks/README.md``."""
