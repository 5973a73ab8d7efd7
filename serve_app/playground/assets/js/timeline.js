// What was seen when: the plot, its keys, the segments, the coverage.

import { Plot } from "./plot.js";
import * as text from "./text.js";
import { segmentsAt } from "./verdict.js";

const MOST_SEGMENTS = 200; // as buttons; the answer has them all

export class Timeline {
  #box;
  #outcome;
  #plot;
  #stage;
  #segments = [];
  #time = 0;

  /** onRefine: ask the service again, at the threshold that is set now. */
  constructor(box, outcome, stage, onRefine) {
    this.#box = box;
    this.#outcome = outcome;
    this.#stage = stage;
    box.hidden = false;
    box.replaceChildren(document.querySelector("#timeline").content.cloneNode(true));
    const slider = this.#part(".plot");
    slider.setAttribute("aria-valuemax", outcome.timeline.end);
    slider.setAttribute("aria-label", "Moment in scores over time");
    this.#plot = new Plot(slider, outcome.timeline, {
      onSeek: (seconds) => this.seek(seconds),
      onLook: (look) => this.#read(look ?? this.#lookAt(this.#time)),
    });
    slider.addEventListener("keydown", (event) => this.#onKey(event));
    this.#part(".zoom-in").addEventListener("click", () => this.#plot.zoom(2));
    this.#part(".zoom-out").addEventListener("click", () => this.#plot.zoom(0.5));
    this.#part(".zoom-all").addEventListener("click", () => this.#plot.zoomAll());
    this.#part(".refine").addEventListener("click", onRefine);
    this.#part(".coverage").textContent = text.coverage(outcome.timeline, outcome.media);
    this.follow(0);
  }

  /** Go to a moment, in the picture too. */
  seek(seconds) {
    this.follow(seconds);
    this.#stage.seek(seconds, this.#lookAt(seconds));
  }

  /** Show where the picture is. */
  follow(seconds) {
    this.#time = seconds;
    this.#plot.time = seconds;
    const look = this.#lookAt(seconds);
    this.#read(look);
    const slider = this.#part(".plot");
    slider.setAttribute("aria-valuenow", seconds.toFixed(2));
    slider.setAttribute("aria-valuetext", `${text.moment(seconds)}: ${this.#scoresOf(look)}`);
  }

  /** Segments and shading at a threshold. */
  mark(threshold) {
    const { timeline } = this.#outcome;
    const asAsked = threshold === this.#outcome.threshold && timeline.segments;
    this.#segments = asAsked || this.#ofInterest(segmentsAt(timeline, threshold));
    this.#plot.mark(threshold, this.#segments);
    this.#part(".edges").hidden = Boolean(asAsked) || timeline.exact;
    this.#listSegments();
  }

  recolour() {
    this.#plot.recolour();
    this.#read(this.#lookAt(this.#time));
  }

  close() {
    this.#plot.close();
    this.#box.replaceChildren();
    this.#box.hidden = true;
  }

  /** Of a model that flags, only what flags: as /v1/videos does where no labels are asked for. */
  #ofInterest(segments) {
    const flagged = this.#outcome.model.flagged_labels;
    return flagged.length ? segments.filter(({ label }) => flagged.includes(label)) : segments;
  }

  #part(selector) {
    return this.#box.querySelector(selector);
  }

  #listSegments() {
    const flagged = this.#outcome.model.flagged_labels;
    const items = this.#segments.slice(0, MOST_SEGMENTS).map((segment) => {
      const button = document.createElement("button");
      button.type = "button";
      button.classList.toggle("flagging", flagged.includes(segment.label));
      button.textContent =
        `${segment.label} ${text.moment(segment.start_seconds, 2)} – ${text.moment(segment.end_seconds, 2)}, ` +
        `peak ${text.score(segment.peak_score)}`;
      button.addEventListener("click", () => this.seek(segment.start_seconds));
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    if (this.#segments.length > MOST_SEGMENTS) {
      const item = document.createElement("li");
      item.textContent = `and ${this.#segments.length - MOST_SEGMENTS} more`;
      items.push(item);
    }
    this.#part(".segments").replaceChildren(...items);
    this.#part(".none").hidden = items.length > 0;
  }

  /** The last look up to a moment. */
  #lookAt(seconds) {
    const { times } = this.#outcome.timeline;
    let [low, high] = [0, times.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (times[middle] <= seconds + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #scoresOf(look) {
    const { scores } = this.#outcome.timeline;
    return Object.entries(scores).map(([label, column]) => `${label} ${text.score(column[look])}`).join(", ");
  }

  #read(look) {
    const { times, scores } = this.#outcome.timeline;
    const parts = Object.entries(scores).flatMap(([label, column]) => {
      const key = document.createElement("i");
      key.style.backgroundColor = this.#plot?.colour(label) ?? "";
      return [key, `${label} ${text.score(column[look])}`];
    });
    this.#part(".readout").replaceChildren(text.moment(times[look]), ...parts);
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { times, end } = this.#outcome.timeline;
    const look = this.#lookAt(this.#time);
    const starts = this.#segments.map((segment) => segment.start_seconds);
    const after = starts.find((start) => start > this.#time + 1e-3);
    const before = starts.findLast((start) => start < this.#time - 1e-3);
    const to = {
      ArrowRight: () => times[Math.min(look + 1, times.length - 1)],
      ArrowLeft: () => (this.#time > times[look] + 1e-3 ? times[look] : times[Math.max(look - 1, 0)]),
      ArrowUp: () => times[Math.min(look + 1, times.length - 1)],
      ArrowDown: () => times[Math.max(look - 1, 0)],
      PageDown: () => Math.max(0, this.#time - end / 10),
      PageUp: () => Math.min(times.at(-1), this.#time + end / 10),
      Home: () => 0,
      End: () => times.at(-1),
      n: () => after,
      p: () => before,
    }[event.key];
    const act = { "+": () => this.#plot.zoom(2), "-": () => this.#plot.zoom(0.5), 0: () => this.#plot.zoomAll(), " ": () => this.#stage.toggle() }[event.key];
    if (!to && !act) return;
    event.preventDefault();
    act?.();
    const seconds = to?.();
    if (seconds !== undefined) this.seek(seconds);
  }
}
