"""The page at ``/``: files in, verdicts out, in a browser."""
