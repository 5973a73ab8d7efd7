"""The systems that are measured: how each is started, and the servers of the peers."""
