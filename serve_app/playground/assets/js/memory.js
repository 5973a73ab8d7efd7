// What the browser keeps for the page. Where it keeps nothing, the page works all the same.

/** Read from localStorage or sessionStorage; null where there is nothing. */
export function recall(storage, name) {
  try {
    return globalThis[storage].getItem(name);
  } catch {
    return null; // storage is blocked
  }
}

export function keep(storage, name, value) {
  try {
    globalThis[storage].setItem(name, value);
  } catch {
    // Storage is blocked or full: the value holds until the page is closed.
  }
}
