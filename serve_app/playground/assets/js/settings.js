// Model, threshold and API key: what the next request is made with.

import { get } from "./api.js";
import { keep, recall } from "./memory.js";

const KEY = "vigil.api-key";
const OTHER = "\n"; // no model is called that
const POLL_MILLISECONDS = 5000;

/** Fires "threshold" and "model" when they change, and "models" once they are known. */
export class Settings extends EventTarget {
  #elements;
  #models = null;
  #poll = null;

  constructor(elements) {
    super();
    this.#elements = elements;
    const { model, other, threshold, number, key } = elements;
    threshold.addEventListener("input", () => this.#take(threshold.value));
    number.addEventListener("input", () => number.validity.valid && number.value && this.#take(number.value));
    number.addEventListener("change", () => (number.value = this.threshold));
    model.addEventListener("change", () => this.#modelChanged());
    other.addEventListener("change", () => this.#modelChanged());
    key.value = recall("sessionStorage", KEY) ?? "";
    key.addEventListener("change", () => {
      keep("sessionStorage", KEY, key.value);
      this.load();
    });
    elements.form.addEventListener("submit", (event) => event.preventDefault());
    this.#show();
  }

  get threshold() {
    return Number(this.#elements.threshold.value);
  }

  get key() {
    return this.#elements.key.value;
  }

  /** Its name; empty while a further one is to be named, null while the models are not known. */
  get model() {
    const { model, other } = this.#elements;
    if (!this.#models) return null;
    return model.value === OTHER ? other.value.trim() : model.value;
  }

  /** What /v1/models says of a model; undefined for one on demand. */
  about(name) {
    return this.#models?.models.find((model) => model.name === name);
  }

  /** A model's name for people, who must see that a demonstration is one. */
  nameOf(name) {
    return this.about(name)?.demonstration ? `${name} (demonstration)` : name;
  }

  /** Show the field for the key, and go there. */
  askForKey() {
    this.#elements.keyField.hidden = false;
    this.#elements.keyHint.hidden = false;
    this.#elements.key.focus();
  }

  /** Ask which models there are. Fires "models", or "problem" with the error. */
  async load() {
    clearTimeout(this.#poll);
    let models;
    try {
      models = await get("v1/models", this.key);
    } catch (error) {
      if (error.status === 401) this.askForKey();
      this.dispatchEvent(Object.assign(new Event("problem"), { error }));
      return;
    }
    if (!this.#models) this.#take(models.default_score);
    this.#models = models;
    this.#fillModels();
    if (models.models.some((model) => model.state === "starting")) {
      this.#poll = setTimeout(() => this.load(), POLL_MILLISECONDS);
    }
    this.dispatchEvent(new Event("models"));
  }

  #fillModels() {
    const { model } = this.#elements;
    const chosen = this.#models.models.some(({ name }) => name === model.value) ? model.value : this.#models.default;
    const { allow } = this.#models.on_demand;
    const further = allow.filter((pattern) => !/[*?[]/.test(pattern));
    const groups = [group("Models", this.#models.models.map(({ name, state }) => [name, state === "ready" ? this.nameOf(name) : `${name} (${state})`]))];
    if (further.length) groups.push(group("Loaded when first asked", further.map((name) => [name, name])));
    if (further.length < allow.length) groups.push(group("Further", [[OTHER, `Another: ${allow.filter((p) => !further.includes(p)).join(", ")}`]]));
    const keep = [...model.options].some(({ value }) => value === model.value) && this.#isOffered(model.value, further);
    const before = model.value;
    model.replaceChildren(...groups);
    model.value = keep ? before : chosen;
    this.#modelChanged();
  }

  #isOffered(value, further) {
    return value === OTHER || further.includes(value) || this.#models.models.some(({ name }) => name === value);
  }

  #modelChanged() {
    const { model, otherField, other } = this.#elements;
    otherField.hidden = model.value !== OTHER;
    if (!otherField.hidden && !other.value) other.focus();
    this.dispatchEvent(new Event("model"));
  }

  #take(value) {
    this.#elements.threshold.value = value;
    this.#show();
    this.dispatchEvent(new Event("threshold"));
  }

  #show() {
    const { threshold, number } = this.#elements;
    if (document.activeElement !== number) number.value = threshold.value;
    document.documentElement.style.setProperty("--threshold", threshold.value);
  }
}

function group(label, options) {
  const element = document.createElement("optgroup");
  element.label = label;
  element.append(...options.map(([value, text]) => new Option(text, value)));
  return element;
}
