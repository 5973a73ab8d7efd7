"""Runs the service on one machine: start, watch, drain on SIGTERM, leave nothing behind.

`serve run` starts Ray and the application, and ends on Ctrl-C; four things that a container or a
terminal needs are missing there, and are what this package adds:

- SIGTERM and Ctrl-C *drain*: new requests are turned away with 503 while the accepted ones finish.
  Serve itself kills its HAProxy at once, with the requests in it.
- Every process of the service ends with it: Ray's head, replicas, HAProxy. The launcher is their
  reaper, whoever their parent was; and when it is itself killed, the next start clears the rest.
- A port that is taken is a sentence before the start, not a traceback some seconds into it.
- Everything that a run writes lies in one folder, which is private and does not outlast it.

    vigil serve serve_config.yaml

Linux only (``/proc``, ``prctl``, and Ray's HAProxy). Knows nothing of Ray's Python API, so that it
stays small and starts at once.
"""
