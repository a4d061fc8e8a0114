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
  /** @type {Map<string, number>} the how manieth that was heard of each is: the server names them in its own order */
  #arrivals = new Map();
  #heard = 0;
  /** @type {readonly Job[]} in order */
  jobs = [];

  /** This one may be another when it is told next. @param {string} id */
  touch(id) {
    this.#touched.add(id);
    if (!this.#arrivals.has(id)) this.#arrivals.set(id, (this.#heard += 1));
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
      if (!job) this.#forget(id);
      if (job === before) continue;
      if (job) this.#told.set(id, job);
      changes.push({ id, before, job });
    }
    this.#touched.clear();
    if (changes.length) this.jobs = this.#merged(this.#others(changes), present(changes));
    return changes;
  }

  /** @param {string} id */
  #forget(id) {
    this.#told.delete(id);
    this.#arrivals.delete(id);
  }

  /** @param {Job} a @param {Job} b */
  #compare(a, b) {
    return byTurn(a, b) || (this.#arrivals.get(a.id) ?? 0) - (this.#arrivals.get(b.id) ?? 0);
  }

  /** A list that is in order, with others at their places. @param {readonly Job[]} ordered @param {Job[]} others @returns {Job[]} */
  #merged(ordered, others) {
    others.sort((a, b) => this.#compare(a, b));
    /** @type {Job[]} */
    const all = [];
    let next = 0;
    for (const job of ordered) {
      while (next < others.length && this.#compare(others[next], job) < 0) all.push(others[next++]);
      all.push(job);
    }
    return all.concat(others.slice(next));
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
