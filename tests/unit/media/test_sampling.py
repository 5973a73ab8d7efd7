import pytest

from deployments.media.sampling import stride


@pytest.mark.parametrize(
    ("frames", "percentage", "expected"),
    [(100, 5, 5), (1800, 5, 90), (10, 100, 10), (7, 50, 4), (5, 50, 2), (1000, 1, 10)],
)
def test_the_stride_is_the_percentage_of_the_frames(frames, percentage, expected):
    assert stride(frames, percentage) == expected


@pytest.mark.parametrize("frames", [0, 1, 5, 9])
def test_a_short_video_is_looked_at_frame_by_frame(frames):
    assert stride(frames, 5) == 1
