// Puts the page together.

import { get } from "./api.js";
import { Card } from "./card.js";
import { CopyDialog } from "./copying.js";
import { watch } from "./files.js";
import { Queue } from "./queue.js";
import { Settings } from "./settings.js";
import * as text from "./text.js";
import * as theme from "./theme.js";

const AT_ONCE = 3; // of the six connections that browsers open to one host

const part = (selector) => document.querySelector(selector);
const cards = new Set();
let limits = null;

const settings = new Settings({
  form: part("#settings"),
  model: part("#model"),
  other: part("#other"),
  otherField: part("#other-field"),
  threshold: part("#threshold"),
  number: part("#threshold-number"),
  key: part("#key"),
  keyField: part("#key-field"),
  keyHint: part("#key-hint"),
});
const shared = {
  settings,
  queue: new Queue(AT_ONCE),
  copying: new CopyDialog(part("#copy")),
  limits: () => limits,
};

function add(files) {
  for (const file of files) {
    const card = new Card(file, shared);
    card.addEventListener("change", summarise);
    card.addEventListener("remove", () => remove(card));
    cards.add(card);
    part("#grid").append(card.element);
    card.start();
  }
  summarise();
}

function remove(card) {
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  card.close();
  cards.delete(card);
  summarise();
  (next?.querySelector(".remove") ?? part("#choose")).focus();
}

function summarise() {
  const all = [...cards];
  part("#files").hidden = !all.length;
  document.body.classList.toggle("has-files", all.length > 0);
  const count = (test) => all.filter(test).length;
  const parts = [
    [count((card) => card.flagged === true), "flagged"],
    [count((card) => card.flagged === false), "not flagged"],
    [count((card) => card.state === "done" && card.flagged === null), "without a verdict"],
    [count((card) => card.state === "failed"), "failed"],
    [count((card) => card.state === "waiting" || card.state === "working"), "to go"],
  ];
  const said = parts.filter(([number]) => number).map(([number, what]) => `${number} ${what}`);
  const sentence = `${text.plural(all.length, "file")}: ${said.join(", ")}`;
  if (part("#summary").textContent !== sentence) part("#summary").textContent = sentence;
}

function showModel() {
  const about = settings.about(settings.model);
  part("#demonstration").hidden = !about?.demonstration;
  part("#demonstration code").textContent = settings.model;
}

function showProblem(error) {
  const notice = part("#service-problem");
  notice.hidden = !error;
  if (!error) return;
  notice.querySelector(".sentence").textContent = error.message;
  notice.querySelector(".request").hidden = !error.requestId;
  notice.querySelector("code").textContent = error.requestId ?? "";
}

settings.addEventListener("threshold", () => cards.forEach((card) => card.mark()));
settings.addEventListener("model", () => {
  showModel();
  part("#again").hidden = false;
});
settings.addEventListener("problem", ({ error }) => showProblem(error));
settings.addEventListener("models", async () => {
  showProblem(null);
  showModel();
  // Those that lacked the key, which is there now.
  for (const card of cards) if (card.error?.status === 401) card.start();
  limits = await get("v1/limits", settings.key).catch(() => null); // without them the service refuses by itself
});

part("#service-problem button").addEventListener("click", () => settings.load());
part("#again").addEventListener("click", () => cards.forEach((card) => card.start()));
part("#clear").addEventListener("click", () => {
  for (const card of cards) card.close();
  cards.clear();
  summarise();
  part("#choose").focus();
});
watch({ input: part("#choose"), zone: part("#drop"), onFiles: add });
theme.install(part("#theme"), () => cards.forEach((card) => card.recolour()));
settings.load();
