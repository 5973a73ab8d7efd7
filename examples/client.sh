#!/usr/bin/env bash
# The REST API with curl:  examples/client.sh [http://127.0.0.1:8000]
set -euo pipefail
url=${1:-http://127.0.0.1:8000}
samples=$(dirname "${BASH_SOURCE[0]}")/samples
send() {
  curl --silent --show-error --fail-with-body "$@"
  echo
}

# All labels of an image, by falling score.
send -F file=@"$samples/landscape.jpg" "$url/api/image-classification"

# Where a video shows one of the model's flagged labels: its first frame at or over the score.
send -F file=@"$samples/video.mp4" "$url/api/video-classification?score=0.8"

# Several images at once, with a verdict for each; a bad one does not fail the others.
send -F files=@"$samples/flagged.jpg" -F files=@"$samples/animation.gif" "$url/v1/images"
