from __future__ import annotations

import pytest

from benchmarks.images.stacks import NATIVE_LOOP, OTHER, stage, stages_by_thread


@pytest.mark.parametrize(
    ("innermost", "expected"),
    [
        ("fit (/x/deployments/media/fit.py:60)", "resize"),
        ("interpolate (/x/site-packages/torch/nn/functional.py:9)", "resize"),
        ("_decode (/x/deployments/media/jpeg.py:66)", "decode"),
        ("sniff (/x/deployments/media/sniff.py:9)", "sniff and structure"),
        ("forward (/x/site-packages/transformers/models/vit/modeling_vit.py:1)", "forward"),
        ("write (/x/site-packages/python_multipart/multipart.py:1)", "parse multipart"),
        ("dumps (/x/site-packages/ray/cloudpickle/cloudpickle.py:1)", "call: serialise"),
        ("route (/x/site-packages/ray/serve/_private/router.py:1)", "call: Ray Serve"),
        ("receive (/x/site-packages/uvicorn/protocols/http/httptools_impl.py:1)", "receive: HTTP"),
        ("main (/x/anything.py:1)", OTHER),
    ],
)
def test_a_stack_belongs_to_the_stage_of_its_innermost_known_frame(
    innermost: str, expected: str
) -> None:
    outer = "run (/usr/lib/python3.11/some.py:1)"
    assert stage(f"{outer};{innermost}") == expected
    # What a stage calls in libraries that are not known counts for the stage.
    assert stage(f"{outer};{innermost};array (/x/site-packages/numpy/core.py:1)") == expected


def test_a_thread_in_uvloops_c_code_is_in_the_event_loop() -> None:
    assert stage("_bootstrap (threading.py:1);run (threading.py:982)") == NATIVE_LOOP
    assert stage("_bootstrap (/lib/threading.py:1);run (/lib/threading.py:982)") == NATIVE_LOOP


def test_each_threads_samples_are_shared_among_its_stages() -> None:
    raw = [
        "thread (7): main;main (a.py:1);fit (/x/deployments/media/fit.py:60) 30",
        "thread (7): main;main (a.py:1);fit (/x/deployments/media/fit.py:61) 30",
        "thread (7): main;main (a.py:1);run (/x/asyncio/base_events.py:1) 40",
        "thread (8): image_0;main (a.py:1);decode (/x/deployments/media/jpeg.py:1) 5",
        "",
    ]
    assert stages_by_thread(raw) == {7: {"resize": 0.6, "event loop": 0.4}, 8: {"decode": 1.0}}


def test_a_thread_that_waits_does_not_work() -> None:
    raw = [
        "thread (7): MainThread;main (a.py:1);Condition.wait (threading.py:327) 90",
        "thread (8): MainThread;main (a.py:1);Condition.wait (/lib/threading.py:327) 90",
        "thread (8): MainThread;main (a.py:1);fit (/x/deployments/media/fit.py:60) 10",
    ]
    assert stages_by_thread(raw) == {8: {"resize": 1.0}}
