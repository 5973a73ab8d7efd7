"""Models that come with the package, one folder each; ``demo`` is the embedded default."""
