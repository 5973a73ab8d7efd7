"""Everything below HTTP: media, models and video, one folder per deployment."""
