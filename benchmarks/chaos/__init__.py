"""What becomes of requests while parts of the service fail, or while far too many come."""
