"""A soak: mixed load, while memory, file handles and threads of every process are watched.

python -m benchmarks.soak --minutes 10
"""
