// One file in the grid, from waiting to its verdict.

import { Bars } from "./bars.js";
import { classify } from "./job.js";
import { kindOf } from "./files.js";
import { Stage } from "./stage.js";
import * as text from "./text.js";
import { Timeline } from "./timeline.js";
import { isFlagged, reasons } from "./verdict.js";

/** Fires "change" when its state or verdict changes, "remove" when it is asked to go. */
export class Card extends EventTarget {
  #file;
  #shared;
  #element;
  #stage;
  #bars;
  #timeline = null;
  #abort = null;
  #done = null; // what classify gave
  #error = null;
  #shownByUser = null;

  /** shared: {settings, queue, copying, limits()}. */
  constructor(file, shared) {
    super();
    this.#file = file;
    this.#shared = shared;
    this.#element = document.querySelector("#card").content.cloneNode(true).firstElementChild;
    this.#part("h3").textContent = file.name;
    this.#part(".facts").textContent = text.facts(file);
    const isVideo = kindOf(file) === "video";
    this.#element.classList.toggle("wide", isVideo);
    this.#stage = new Stage(this.#part(".picture"), file, isVideo, (seconds) => this.#timeline?.follow(seconds));
    this.#bars = new Bars(this.#part(".bars"), this.#part(".more"));
    this.#on(".reveal", () => this.#toggleShown());
    this.#on(".cancel", () => this.#abort.abort());
    this.#on(".retry", () => this.start());
    this.#on(".copy", () => shared.copying.open(this.#done.request, this.#done.answer));
    this.#on(".remove", () => this.dispatchEvent(new Event("remove")));
    for (const button of this.#element.querySelectorAll(".actions button")) {
      button.setAttribute("aria-description", file.name);
    }
  }

  get element() {
    return this.#element;
  }

  /** waiting, working, done, failed */
  get state() {
    return this.#element.dataset.state;
  }

  get error() {
    return this.#error;
  }

  /** true, false, or null: no verdict. */
  get flagged() {
    if (!this.#done) return null;
    const { labels, model } = this.#done.outcome;
    return isFlagged(labels, model.flagged_labels, this.#shared.settings.threshold);
  }

  /** Ask the service, again if it was asked before. */
  start() {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.#forget();
    this.#become("waiting");
    this.#step("Waiting for its turn", null);
    abort.signal.addEventListener("abort", () => this.#cancelled(abort));
    this.#shared.queue.add(() => this.#work(abort), abort.signal);
  }

  /** The threshold was moved: no request, the scores are here. */
  mark() {
    if (!this.#done) return;
    const { threshold } = this.#shared.settings;
    this.#bars.mark(threshold);
    this.#timeline?.mark(threshold);
    this.#showVerdict();
    this.#veil();
    this.dispatchEvent(new Event("change"));
  }

  recolour() {
    this.#timeline?.recolour();
  }

  close() {
    this.#abort?.abort();
    this.#timeline?.close();
    this.#stage.close();
    this.#element.remove();
  }

  async #work(abort) {
    this.#become("working");
    this.#step("Sending", 0);
    try {
      const done = await classify(this.#file, {
        settings: this.#shared.settings,
        limits: this.#shared.limits(),
        signal: abort.signal,
        onUpload: (fraction) => this.#step(fraction < 1 ? `Sending, ${text.percent(fraction)}` : "Looking", fraction < 1 ? fraction : null),
        onEvent: (event) => this.#onEvent(event),
      });
      if (!abort.signal.aborted) this.#finish(done);
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(error);
    }
  }

  #onEvent(event) {
    if (event.event === "progress") {
      this.#step(`Looking, ${text.percent(event.fraction)}, at ${text.moment(event.time_seconds)}`, event.fraction);
    } else if (event.event === "finding") {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${event.label} ${text.score(event.score)} at ${text.moment(event.time_seconds)}`;
      button.addEventListener("click", () => this.#stage.seek(event.time_seconds, event.frame - 1));
      const item = document.createElement("li");
      item.append(button);
      this.#part(".findings").append(item);
    }
  }

  #finish(done) {
    const { outcome } = done;
    this.#done = done;
    this.#part(".facts").textContent = `${text.facts(this.#file, outcome.media)} · ${this.#shared.settings.nameOf(outcome.model.name)}`;
    this.#bars.show(outcome.labels, outcome.model.flagged_labels);
    if (outcome.timeline) {
      this.#element.classList.add("wide");
      this.#timeline = new Timeline(this.#part(".timeline"), outcome, this.#stage, () => this.start());
    }
    this.#part(".copy").hidden = false;
    this.#become("done");
    this.mark();
  }

  #fail(error) {
    this.#error = error;
    const { requestId } = error;
    this.#part(".problem").hidden = false;
    this.#part(".problem .sentence").textContent = error.message;
    this.#part(".problem .request").hidden = !requestId;
    this.#part(".problem code").textContent = requestId ?? "";
    this.#part(".retry").hidden = false;
    this.#become("failed");
  }

  #cancelled(abort) {
    if (abort === this.#abort && this.state !== "done" && this.state !== "failed") this.#fail(new Error("Cancelled. It has no verdict."));
  }

  #forget() {
    this.#done = this.#error = this.#shownByUser = null;
    this.#timeline?.close();
    this.#timeline = null;
    this.#bars.show([], []);
    this.#part(".findings").replaceChildren();
    for (const selector of [".problem", ".retry", ".copy"]) this.#part(selector).hidden = true;
  }

  #become(state) {
    this.#element.dataset.state = state;
    this.#showVerdict();
    this.#veil();
    this.dispatchEvent(new Event("change"));
  }

  #step(sentence, fraction) {
    this.#part(".step").textContent = sentence;
    const progress = this.#part("progress");
    progress.setAttribute("aria-label", `${this.#file.name}: ${sentence}`);
    if (fraction === null) progress.removeAttribute("value");
    else progress.value = fraction;
  }

  #showVerdict() {
    const verdict = this.#part(".verdict");
    const { flagged } = this;
    verdict.classList.toggle("flagged", flagged === true);
    verdict.classList.toggle("clear", flagged === false);
    if (this.state === "failed") verdict.textContent = "No verdict";
    else if (!this.#done) verdict.textContent = "";
    else if (flagged === null) verdict.textContent = "No labels that flag";
    else if (!flagged) verdict.textContent = "Not flagged";
    else {
      const { labels, model } = this.#done.outcome;
      const found = reasons(labels, model.flagged_labels, this.#shared.settings.threshold);
      verdict.textContent = `⚑ Flagged: ${found.map(({ label }) => label).join(", ")}`;
    }
  }

  /** What is flagged, or not known to be harmless, is blurred until it is asked for. */
  #veil() {
    const harmless = this.#done && this.flagged !== true;
    const hidden = !(this.#shownByUser ?? harmless);
    this.#element.classList.toggle("hidden-media", hidden);
    this.#stage.inert = hidden;
    const reveal = this.#part(".reveal");
    reveal.hidden = Boolean(harmless) && this.#shownByUser === null;
    reveal.textContent = hidden ? "Show" : "Hide";
    reveal.setAttribute("aria-label", `${reveal.textContent} ${this.#file.name}`);
  }

  #toggleShown() {
    this.#shownByUser = this.#element.classList.contains("hidden-media");
    this.#veil();
  }

  #part(selector) {
    return this.#element.querySelector(selector);
  }

  #on(selector, listener) {
    this.#part(selector).addEventListener("click", listener);
  }
}
