"""The edge: what a client sees, and how the application is wired."""
