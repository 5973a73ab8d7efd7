"""Decoder processes that a certain video makes misbehave: the one with `BAD_FRAMES` frames."""

BAD_FRAMES = 13
