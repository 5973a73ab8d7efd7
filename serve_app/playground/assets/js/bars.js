// Scores as bars. Where the threshold lies on them is CSS's --threshold.

import { reaches } from "./verdict.js";
import * as text from "./text.js";

const SHOWN = 5;

/** The labels of one file. */
export class Bars {
  #list;
  #more;
  #rows = [];
  #folded = true;

  constructor(list, more) {
    this.#list = list;
    this.#more = more;
    more.addEventListener("click", () => {
      this.#folded = !this.#folded;
      this.#fold();
    });
  }

  /** Show other labels: [{label, score}], highest first. */
  show(labels, flaggedLabels) {
    this.#rows = labels.map(({ label, score }) => ({ score, row: row(label, score, flaggedLabels.includes(label)) }));
    this.#list.replaceChildren(...this.#rows.map(({ row }) => row));
    this.#fold();
  }

  /** Mark what reaches the threshold. */
  mark(threshold) {
    for (const { row, score } of this.#rows) row.classList.toggle("over", reaches(score, threshold));
  }

  #fold() {
    this.#rows.forEach(({ row }, i) => {
      row.hidden = this.#folded && i >= SHOWN && !row.classList.contains("flagging");
    });
    const hidden = this.#rows.filter(({ row }) => row.hidden).length;
    this.#more.hidden = this.#folded && !hidden;
    this.#more.textContent = this.#folded ? `${hidden} more labels` : "Fewer labels";
  }
}

function row(label, score, flagging) {
  const item = document.createElement("li");
  item.classList.toggle("flagging", flagging);
  item.append(span("label", label), span("value", text.score(score)), bar(score));
  if (flagging) item.firstChild.append(span("visually-hidden", ", flags media"));
  return item;
}

function bar(score) {
  const element = document.createElement("div");
  element.className = "bar";
  element.setAttribute("aria-hidden", "true"); // the number says it
  element.style.setProperty("--score", score);
  element.append(document.createElement("span"));
  return element;
}

function span(name, content) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = content;
  return element;
}
