// The dialog with a request as curl, Python, or its answer as JSON.

import * as snippets from "./snippets.js";

export class CopyDialog {
  #dialog;
  #text;
  #said;
  #texts = {};

  constructor(dialog) {
    this.#dialog = dialog;
    this.#text = dialog.querySelector("textarea");
    this.#said = dialog.querySelector("[role=status]");
    dialog.addEventListener("change", () => this.#show());
    dialog.querySelector(".primary").addEventListener("click", () => this.#copy());
  }

  /** Open it for a request and its answer. */
  open(request, answer) {
    this.#texts = { curl: snippets.curl(request), python: snippets.python(request), json: snippets.json(answer) };
    this.#show();
    this.#dialog.showModal();
  }

  #show() {
    this.#said.textContent = "";
    this.#text.value = this.#texts[this.#dialog.querySelector(":checked").value];
    this.#text.scrollTop = 0;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text.value);
      this.#said.textContent = "Copied.";
    } catch {
      // Without TLS there is no clipboard but the user's own keys.
      this.#text.focus();
      this.#text.select();
      this.#said.textContent = "Selected: press Ctrl+C.";
    }
  }
}
