"""Bytes to frames. No Ray, no HTTP."""
