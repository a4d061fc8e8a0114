/**
 * The roll: the jobs in the order of lists as they were told last, brought up to date by those that changed since.
 *
 * What it costs to tell a change goes with how much changed: the rest keeps its place and is neither sorted nor looked at.
 */

import { byTurn } from "./order.js";

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {{id: string, before: Job | null, job: Job | null}} Change
 * before: as it was told last, null: it is new; job: as it is now, null: it is gone.
 */

/** Which jobs subscribers know. */
export class Roll {
  /** @type {Map<string, Job>} */
  #told = new Map();
  /** @type {Set<string>} */
  #touched = new Set();
  /** @type {readonly Job[]} in order */
  jobs = [];

  /** This one may be another when it is told next. @param {string} id */
  touch(id) {
    this.#touched.add(id);
  }

  /**
   * Bring the list up to date.
   * @param {(id: string) => Job | null} now a job as it is; null: there is none to be shown
   * @returns {readonly Change[]} what is another than before
   */
  renew(now) {
    /** @type {Change[]} */
    const changes = [];
    for (const id of this.#touched) {
      const before = this.#told.get(id) ?? null;
      const job = now(id);
      if (job === before) continue;
      if (job) this.#told.set(id, job);
      else this.#told.delete(id);
      changes.push({ id, before, job });
    }
    this.#touched.clear();
    if (changes.length) this.jobs = merged(this.#others(changes), present(changes).sort(byTurn));
    return changes;
  }

  /** @param {Change[]} changes */
  #others(changes) {
    const ids = new Set(changes.map(({ id }) => id));
    return this.jobs.filter(({ id }) => !ids.has(id));
  }
}

/** @param {Change[]} changes @returns {Job[]} */
function present(changes) {
  return changes.flatMap(({ job }) => job ?? []);
}

/** Two lists that are in order, as one. @param {readonly Job[]} a @param {readonly Job[]} b @returns {Job[]} */
function merged(a, b) {
  /** @type {Job[]} */
  const all = [];
  let next = 0;
  for (const job of a) {
    while (next < b.length && byTurn(b[next], job) < 0) all.push(b[next++]);
    all.push(job);
  }
  return all.concat(b.slice(next));
}
