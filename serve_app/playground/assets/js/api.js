// What goes to the service and what comes back. Nothing else in the page makes requests.

const ROOT = new URL("../../../", import.meta.url); // of the service: the assets lie at playground/<digest>/

/** An answer that is no result: the service's sentence, or one about why there is none. */
export class ServiceError extends Error {
  constructor(detail, { status = 0, type = "", requestId = null } = {}) {
    super(detail);
    this.status = status;
    this.type = type;
    this.requestId = requestId;
  }
}

/** The absolute address of a route, with its query; values may be lists. */
export function address(path, query = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) url.searchParams.append(name, one);
  }
  return url;
}

/** A GET of JSON. */
export async function get(path, key) {
  let response;
  try {
    response = await fetch(address(path), { headers: keyHeader(key), cache: "no-store" });
  } catch {
    throw new ServiceError(UNREACHABLE);
  }
  const text = await response.text();
  const requestId = response.headers.get("X-Request-ID");
  if (!response.ok) throw failure(response.status, text, requestId);
  return JSON.parse(text);
}

/**
 * Upload one file. XMLHttpRequest, because fetch does not tell how far an upload is.
 *
 * onEvent gets the lines of an NDJSON answer as they come; the promise gives the answer itself:
 * its JSON, or the stream's result.
 */
export function upload({ url, field, file, key, streams, onUpload, onEvent, signal }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const lines = new Lines();
    let last = null;
    const readLines = () => {
      if (!isStream(xhr)) return;
      for (const event of lines.take(xhr.responseText)) {
        last = event;
        onEvent(event);
      }
    };
    xhr.open("POST", url);
    xhr.setRequestHeader("Accept", streams ? "application/x-ndjson" : "application/json");
    for (const [name, value] of Object.entries(keyHeader(key))) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => onUpload(event.total ? event.loaded / event.total : 0);
    xhr.upload.onload = () => onUpload(1);
    xhr.onprogress = readLines;
    xhr.onerror = () => reject(new ServiceError(UNREACHABLE, { requestId: idOf(xhr) }));
    xhr.onabort = () => reject(new DOMException("Cancelled.", "AbortError"));
    xhr.onload = () => {
      readLines();
      const requestId = idOf(xhr);
      try {
        if (xhr.status !== 200) throw failure(xhr.status, xhr.responseText, requestId);
        const answer = isStream(xhr) ? resultOf(last, requestId) : JSON.parse(xhr.responseText);
        resolve({ answer, requestId });
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener("abort", () => xhr.abort(), { once: true });
    const form = new FormData();
    form.append(field, file, file.name);
    xhr.send(form);
  });
}

const UNREACHABLE = "The service cannot be reached, or it broke the connection off.";

/** Complete lines of a text that grows. */
class Lines {
  #read = 0;

  take(text) {
    const end = text.lastIndexOf("\n") + 1;
    const fresh = text.slice(this.#read, end);
    this.#read = Math.max(this.#read, end);
    return fresh.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }
}

function keyHeader(key) {
  return key ? { "X-API-Key": key } : {};
}

function isStream(xhr) {
  return (xhr.getResponseHeader("Content-Type") ?? "").startsWith("application/x-ndjson");
}

function idOf(xhr) {
  return xhr.getResponseHeader("X-Request-ID");
}

function resultOf(last, requestId) {
  if (last?.event === "result") return last;
  const problem = last?.event === "error" ? last.problem : null;
  if (problem) throw new ServiceError(problem.detail, { ...problem, requestId });
  throw new ServiceError("The answer broke off before its end.", { requestId });
}

function failure(status, text, requestId) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy in between answered with a page of its own.
  }
  const detail = problem.detail ?? `Something on the way to the service answered with status ${status}.`;
  return new ServiceError(detail, { status, type: problem.type, requestId });
}
