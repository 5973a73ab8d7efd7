// Some jobs at a time; the others wait in order.

export class Queue {
  #free;
  #waiting = [];

  constructor(width) {
    this.#free = width;
  }

  /** Runs a job when it is its turn; one whose signal is aborted by then is passed over. */
  add(job, signal) {
    this.#waiting.push({ job, signal });
    this.#next();
  }

  #next() {
    while (this.#free && this.#waiting.length) {
      const { job, signal } = this.#waiting.shift();
      if (signal.aborted) continue;
      this.#free--;
      job().finally(() => {
        this.#free++;
        this.#next();
      });
    }
  }
}
