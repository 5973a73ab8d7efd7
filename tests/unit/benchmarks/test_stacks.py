from __future__ import annotations

import pytest

from benchmarks.images.stacks import OTHER, stage, stages


@pytest.mark.parametrize(
    ("innermost", "expected"),
    [
        ("fit (/x/deployments/media/fit.py:60)", "resize"),
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


def test_shares_follow_the_samples_and_sum_up_to_one() -> None:
    raw = [
        "main (a.py:1);fit (/x/deployments/media/fit.py:60) 30",
        "main (a.py:1);fit (/x/deployments/media/fit.py:61) 30",
        "main (a.py:1);run (/x/asyncio/base_events.py:1) 40",
        "",
    ]
    assert stages(raw) == {"resize": 0.6, "event loop": 0.4}


def test_a_process_that_was_never_seen_running_has_no_stages() -> None:
    assert stages([]) == {}
