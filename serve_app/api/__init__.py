"""One router per HTTP contract."""
