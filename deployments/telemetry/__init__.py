"""What an operator sees: metrics, log lines, traces. Nothing here knows what a model or a video is.

- `metrics` is the seam: what code records with; `catalog` lists all that is recorded.
- `ray_metrics` is the implementation on Ray's metrics port, and the only file here that knows Ray.
- `request` carries one request's id and trace through tasks and across processes.
- `tracing` makes spans where a request is traced, `otel` turns that on.
- `logs` hands log lines to Serve.
"""
