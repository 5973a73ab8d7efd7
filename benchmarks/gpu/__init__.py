"""Images a second on one GPU, without a server: how near the pipeline comes to the limits."""
