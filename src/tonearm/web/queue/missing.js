/**
 * Missing: jobs that a poll passes over though it should name them. Where no event tells that one has gone, or has moved to
 * where polls do not reach, the server is asked for each.
 */

import { inLanes } from "./lanes.js";
import { QueueError } from "./requests.js";

/** @typedef {import("../server-queue.js").Job} Job */

/** The most jobs that are asked for after one poll. */
const MOST = 50;

/** A job is asked for again after this, milliseconds. */
const AGAIN_MS = 10_000;

/** The last word of a job that was removed and can still be read. */
const DELETED = "deleted";

/** Asks for those that are missing, and lets *records* know. */
export class Missing {
  /** @type {Map<string, number>} when each was asked for, the earliest first */
  #asked = new Map();
  #looking = false;

  /**
   * @param {import("./records.js").Records} records
   * @param {(id: string) => Promise<Job>} ask
   */
  constructor(records, ask) {
    this.#records = records;
    this.#ask = ask;
  }

  #records;
  #ask;

  /**
   * Look after a poll which does not bring all jobs.
   * @param {Job[]} page
   * @param {Record<Job["status"], number>} counts
   */
  async look(page, counts) {
    if (this.#looking) return;
    this.#looking = true;
    const now = Date.now();
    for (const [id, at] of this.#asked) if (now - at >= AGAIN_MS) this.#asked.delete(id);
    const due = this.#records.missing(page, counts).filter((id) => !this.#asked.has(id));
    await inLanes(due.slice(0, MOST), (id) => {
      this.#asked.set(id, now);
      return this.#find(id);
    });
    this.#looking = false;
  }

  /** @param {string} id */
  async #find(id) {
    try {
      const job = await this.#ask(id);
      if (job.history?.at(-1)?.event === DELETED) this.#records.remove(id);
      else this.#records.take(job);
    } catch (error) {
      if (error instanceof QueueError && error.code === "NOT_FOUND") this.#records.remove(id);
    }
  }
}
