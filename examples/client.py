"""The REST API with Python and httpx:  python examples/client.py [http://127.0.0.1:8000]"""

import sys
from pathlib import Path

import httpx

SAMPLES = Path(__file__).parent / "samples"
url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"

with httpx.Client(base_url=url, timeout=120) as client:

    def send(route: str, field: str, *names: str, **parameters: str) -> list | dict:
        files = [(field, (name, (SAMPLES / name).read_bytes())) for name in names]
        return client.post(route, files=files, params=parameters).raise_for_status().json()

    # All labels of an image, by falling score.
    for entry in send("/api/image-classification", "file", "landscape.jpg"):
        print(f"landscape.jpg: {entry['label']} {entry['score']:.3f}")

    # Where a video shows a flagged label: its first frame at or over the score.
    for hit in send("/api/video-classification", "file", "video.mp4", score="0.8"):
        print(f"video.mp4: {hit['label']} from frame {hit['frame']}")

    # Several images at once, with a verdict for each; a bad one does not fail the others.
    for result in send("/v1/images", "files", "flagged.jpg", "animation.gif")["results"]:
        print(f"{result['filename']}: flagged={result.get('flagged', result.get('problem'))}")
