/**
 * The selection: which jobs are chosen, from where a range goes on, and which row the keyboard is at.
 */

/** @typedef {import("../server-queue.js").Job} Job */

/** What is chosen in a list whose order the list itself gives. */
export class Selection {
  /** @type {Set<string>} */
  #ids = new Set();
  /** @type {string | null} where a range begins */
  #anchor = null;
  /** @type {string | null} the row that has the keyboard: its job, or its place (`#12`) while that is not known */
  current = null;

  get size() {
    return this.#ids.size;
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** The chosen ones of a list. @param {readonly Job[]} jobs */
  of(jobs) {
    return jobs.filter((job) => this.#ids.has(job.id));
  }

  clear() {
    this.#ids.clear();
    this.#anchor = null;
  }

  /** Choose one or let it go. @param {string} id */
  toggle(id) {
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#anchor = this.current = id;
  }

  /** Choose all from the last one on; where that is not in the list any more, this one. @param {string} id @param {readonly Job[]} jobs in order */
  extend(id, jobs) {
    const to = jobs.findIndex((job) => job.id === id);
    if (to < 0) return;
    if (!jobs.some((job) => job.id === this.#anchor)) this.#anchor = id;
    const from = jobs.findIndex((job) => job.id === this.#anchor);
    this.#ids = new Set(jobs.slice(Math.min(from, to), Math.max(from, to) + 1).map((job) => job.id));
    this.current = id;
  }

  /** Choose all. @param {readonly Job[]} jobs */
  all(jobs) {
    this.#ids = new Set(jobs.map((job) => job.id));
  }

  /** Forget those that are gone. @param {(id: string) => boolean} known */
  keep(known) {
    for (const id of this.#ids) if (!known(id)) this.#ids.delete(id);
    if (this.#anchor !== null && !known(this.#anchor)) this.#anchor = null;
  }
}
