"""How throughput grows with the replicas of a model."""
