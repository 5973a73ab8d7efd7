// The REST API with JavaScript (Node 18 or newer):  node examples/client.mjs [http://127.0.0.1:8000]
import { readFile } from "node:fs/promises";

const url = process.argv[2] ?? "http://127.0.0.1:8000";

async function send(route, field, ...names) {
  const form = new FormData();
  for (const name of names) {
    const bytes = await readFile(new URL(`samples/${name}`, import.meta.url));
    form.append(field, new Blob([bytes]), name);
  }
  const response = await fetch(url + route, { method: "POST", body: form });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${answer.detail}`);
  return answer;
}

// All labels of an image, by falling score.
console.log("landscape.jpg", await send("/api/image-classification", "file", "landscape.jpg"));

// Where a video shows a flagged label: its first frame at or over the score.
console.log("video.mp4", await send("/api/video-classification?score=0.8", "file", "video.mp4"));

// Several images at once, with a verdict for each; a bad one does not fail the others.
const { results } = await send("/v1/images", "files", "flagged.jpg", "animation.gif");
for (const { filename, flagged, problem } of results) console.log(filename, flagged ?? problem);
