"""What each sampling policy finds, and what it misses, on hundreds of generated clips."""
