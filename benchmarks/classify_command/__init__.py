"""How much of the service's throughput `vigil classify` uses."""
