"""Models, their replicas, and the one way to call them."""
