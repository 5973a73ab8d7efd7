// One file's way to the service: which route, which parameters, what came of it.

import { ServiceError, address, upload } from "./api.js";
import { kindOf } from "./files.js";
import { ofImage, ofVideo } from "./outcome.js";
import * as text from "./text.js";

const ROUTES = {
  image: { path: "v1/images", field: "files", streams: false, query: {}, outcomeOf: ofImage, limit: "max_image_bytes" },
  video: { path: "v1/videos", field: "file", streams: true, query: { include: "scores" }, outcomeOf: ofVideo, limit: "max_video_bytes" },
};

/**
 * Classify a file. What it is, its bytes decide: a file that one route does not take is offered to
 * the other.
 *
 * @returns {Promise<{outcome: import("./outcome.js").Outcome, answer: object, request: object}>}
 */
export async function classify(file, { settings, limits, ...listeners }) {
  const kind = kindOf(file) ?? "image";
  try {
    return await ask(kind, file, { settings, limits, ...listeners });
  } catch (error) {
    if (!isOfWrongKind(error)) throw error;
    try {
      return await ask(kind === "image" ? "video" : "image", file, { settings, limits, ...listeners });
    } catch (second) {
      throw isOfWrongKind(second) ? error : second;
    }
  }
}

async function ask(kind, file, { settings, limits, ...listeners }) {
  const { path, field, streams, query, outcomeOf, limit } = ROUTES[kind];
  if (settings.model === "") throw new ServiceError("Name the model to ask first.");
  if (limits && file.size > limits[limit]) {
    // Refused here: a connection that the service closes in the middle of an upload tells nothing.
    throw new ServiceError(`The file has ${text.bytes(file.size)}; this service takes ${kind}s of up to ${text.bytes(limits[limit])}.`);
  }
  const score = settings.threshold;
  const url = address(path, { ...(settings.model && { model_name: settings.model }), score, ...query });
  const request = { url: url.href, field, name: file.name, streams, withKey: Boolean(settings.key) };
  const { answer } = await upload({ url, field, file, key: settings.key, streams, ...listeners });
  return { outcome: outcomeOf(answer, score), answer, request };
}

function isOfWrongKind(error) {
  return error instanceof ServiceError && error.status === 415;
}
