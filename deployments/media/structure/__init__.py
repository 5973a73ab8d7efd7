"""An image file's own structure, walked to its end before any pixel is decoded.

Decoders are forgiving where this service must not be: an animation that was cut off ends early for
them, without a word, and what was never decoded would count as safe. They also reserve memory for
whatever a header claims. So each format that needs it has a module here, which proves that the
file is complete and that none of its frames is over the limits, and tells how many frames there are
and how long each one shows.
"""
