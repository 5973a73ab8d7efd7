"""What Vigil is measured beside on videos; each runs as a process of its own."""
