"""Decoding exactly the frames that were planned, outside the process that asks for them."""
