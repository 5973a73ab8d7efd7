"""Videos: decode, fan out to the classifier, find the labels in time."""
