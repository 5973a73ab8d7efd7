// Scores over time on uPlot: lines, shaded segments, the threshold, where was looked, the playhead.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import * as text from "./text.js";

const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];
const CLICK_PIXELS = 4; // a pointer that moved farther has dragged
const SHORTEST_SECONDS = 0.05;

export class Plot {
  #box;
  #uplot;
  #timeline;
  #threshold = 0;
  #segments = [];
  #time = 0;
  #playhead = document.createElement("div");
  #colours;
  #resize;

  /** onSeek gets seconds; onLook the index of the look under the pointer, or null. */
  constructor(box, timeline, { onSeek, onLook }) {
    this.#box = box;
    this.#timeline = timeline;
    this.#colours = this.#readColours();
    this.#uplot = new uPlot(this.#options(onSeek, onLook), this.#data(), box);
    this.#playhead.className = "playhead";
    this.#uplot.over.append(this.#playhead);
    this.#resize = new ResizeObserver(() => this.#uplot.setSize({ width: box.clientWidth, height: box.clientHeight }));
    this.#resize.observe(box);
    this.zoomAll();
  }

  get labels() {
    return Object.keys(this.#timeline.scores);
  }

  /** Of a label's line. */
  colour(label) {
    return this.#colours.series[this.labels.indexOf(label) % SERIES.length];
  }

  mark(threshold, segments) {
    this.#threshold = threshold;
    this.#segments = segments;
    this.#uplot.redraw(false); // the lines' paths stay
  }

  set time(seconds) {
    this.#time = seconds;
    this.#placePlayhead();
  }

  /** Show the n-th part of what is shown, around the playhead where that is in it. */
  zoom(n) {
    const { min, max } = this.#uplot.scales.x;
    const middle = this.#time >= min && this.#time <= max ? this.#time : (min + max) / 2;
    const half = Math.max(SHORTEST_SECONDS, (max - min) / n) / 2;
    const width = Math.min(2 * half, this.#end);
    const from = Math.min(Math.max(0, middle - half), this.#end - width);
    this.#uplot.setScale("x", { min: from, max: from + width });
  }

  zoomAll() {
    this.#uplot.setScale("x", { min: 0, max: this.#end });
  }

  /** After a change of theme. */
  recolour() {
    this.#colours = this.#readColours();
    this.#uplot.redraw(false);
  }

  close() {
    this.#resize.disconnect();
    this.#uplot.destroy();
  }

  get #end() {
    return Math.max(this.#timeline.end, SHORTEST_SECONDS);
  }

  #data() {
    return [this.#timeline.times, ...Object.values(this.#timeline.scores)];
  }

  #options(onSeek, onLook) {
    const axis = { stroke: () => this.#colours.soft, grid: { stroke: () => this.#colours.line, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: this.#box.clientWidth || 600,
      height: this.#box.clientHeight || 190,
      legend: { show: false },
      padding: [8, 26, 0, 0],
      scales: { x: { time: false }, y: { range: [0, 1] } },
      axes: [
        { ...axis, size: 28, values: (_, splits) => splits.map((seconds) => text.moment(seconds)) },
        { ...axis, size: 38, splits: [0, 0.5, 1], values: (_, splits) => splits.map((s) => s.toFixed(1)) },
      ],
      series: [
        {},
        ...this.labels.map((label, i) => ({
          label,
          stroke: () => this.#colours.series[i % SERIES.length],
          width: 2,
          dash: i >= SERIES.length ? [6, 4] : [],
          points: { size: 5 },
        })),
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, dist: CLICK_PIXELS },
        bind: { dblclick: () => () => this.zoomAll() },
      },
      hooks: {
        init: [(u) => this.#listen(u, onSeek)],
        drawClear: [(u) => this.#shade(u)],
        draw: [(u) => this.#drawMarks(u)],
        setScale: [() => this.#placePlayhead()],
        setCursor: [(u) => onLook(u.cursor.idx ?? null)],
      },
    };
  }

  #listen(u, onSeek) {
    let pressedAt = 0;
    u.over.addEventListener("pointerdown", (event) => (pressedAt = event.clientX));
    u.over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - pressedAt) > CLICK_PIXELS) return;
      const x = event.clientX - u.over.getBoundingClientRect().left;
      onSeek(Math.min(Math.max(0, u.posToVal(x, "x")), this.#end));
    });
  }

  /** Segments, below the lines. */
  #shade(u) {
    const { left, top, width, height } = u.bbox;
    const { ctx } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.globalAlpha = 0.18;
    for (const { label, start_seconds, end_seconds } of this.#segments) {
      const from = u.valToPos(start_seconds, "x", true);
      ctx.fillStyle = this.colour(label);
      ctx.fillRect(from, top, Math.max(2, u.valToPos(end_seconds, "x", true) - from), height);
    }
    ctx.restore();
  }

  /** The threshold, and at the bottom a tick for each look (short: taken over from an earlier one). */
  #drawMarks(u) {
    const { left, top, width, height } = u.bbox;
    const { ctx } = u;
    const y = Math.round(u.valToPos(this.#threshold, "y", true)) + 0.5;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.strokeStyle = this.#colours.ink;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    line(ctx, left, y, left + width, y);
    ctx.setLineDash([]);
    ctx.strokeStyle = this.#colours.soft;
    this.#timeline.times.forEach((seconds, i) => {
      const x = Math.round(u.valToPos(seconds, "x", true)) + 0.5;
      line(ctx, x, top + height - (this.#timeline.reused[i] ? 3 : 7) * devicePixelRatio, x, top + height);
    });
    ctx.restore();
  }

  #placePlayhead() {
    const { min, max } = this.#uplot?.scales.x ?? {};
    const inside = this.#time >= min && this.#time <= max;
    this.#playhead.hidden = !inside;
    if (inside) this.#playhead.style.transform = `translateX(${this.#uplot.valToPos(this.#time, "x")}px)`;
  }

  /** Canvas wants colours, not names of custom properties. */
  #readColours() {
    const probe = document.createElement("i");
    probe.hidden = true;
    this.#box.append(probe);
    const read = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const colours = { ink: read("--ink"), soft: read("--soft"), line: read("--line"), series: SERIES.map(read) };
    probe.remove();
    return colours;
  }
}

function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}
