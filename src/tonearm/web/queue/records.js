/**
 * Records: the newest word that was heard of each job, whichever way it came, and what the actions under way will make
 * of it. It asks nobody.
 */

import { Expectations } from "./expectations.js";
import { byTurn } from "./order.js";
import { QueueError } from "./requests.js";
import { Roll } from "./roll.js";

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {{progress: number, bytesDownloaded: number, speedBytesPerSecond?: number}} Moved how far a transfer is
 */

/** The most ids of removed jobs that are remembered, so that an older answer does not bring them back. */
const REMEMBERED = 10_000;

/** All jobs that are known. */
export class Records {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {Set<string>} */
  #removed = new Set();
  #expectations = new Expectations();
  #roll = new Roll();

  /** @param {() => void} changed called when an action has changed how a job is shown */
  constructor(changed) {
    this.#changed = changed;
  }

  #changed;

  /** The newer of two records of a job counts. @param {Job} job */
  take(job) {
    if (this.#removed.has(job.id)) return;
    const known = this.#jobs.get(job.id);
    if (known && known.lastUpdatedAt > job.lastUpdatedAt) return;
    if (!known || known.lastUpdatedAt < job.lastUpdatedAt) this.#expectations.drop(job.id);
    this.#jobs.set(job.id, job);
    this.#roll.touch(job.id);
  }

  /** Of an album's track the figures are the track's, not the album's. @param {Moved & {id: string, trackId?: number}} news */
  move({ id, trackId, progress, bytesDownloaded, speedBytesPerSecond }) {
    const job = this.#jobs.get(id);
    if (!job) return;
    const news = { progress, bytesDownloaded, speedBytesPerSecond };
    const ofTrack = job.jobType === "album" && trackId !== undefined;
    this.#jobs.set(id, { ...job, ...(ofTrack ? { moving: { ...job.moving, [trackId]: news } } : timely(job, news)) });
    this.#roll.touch(id);
  }

  /** It is gone for good. @param {string} id */
  remove(id) {
    this.#forget(id);
    this.#expectations.drop(id);
    this.#removed.add(id);
    if (this.#removed.size > REMEMBERED) this.#removed.delete(/** @type {string} */ (this.#removed.values().next().value));
  }

  /** Forget all others. @param {Set<string>} ids */
  keep(ids) {
    for (const id of this.#jobs.keys()) if (!ids.has(id)) this.#forget(id);
  }

  /** Forget those of a status, or only those of them with this outcome. @param {string} status @param {string} [outcome] */
  drop(status, outcome) {
    for (const job of this.#jobs.values()) {
      if (job.status === status && (!outcome || (job.outcome ?? "ok") === outcome)) this.#forget(job.id);
    }
  }

  /**
   * Those that the first page of the list passes over though it should name them: they would stand before its last one,
   * or more of their status are known than there are.
   * @param {Job[]} page
   * @param {Record<Job["status"], number>} counts
   * @returns {string[]} their ids
   */
  missing(page, counts) {
    const named = new Set(page.map(({ id }) => id));
    const last = page[page.length - 1];
    /** @type {Partial<Record<Job["status"], number>>} */
    const known = {};
    for (const { status } of this.#jobs.values()) known[status] = (known[status] ?? 0) + 1;
    const jobs = [...this.#jobs.values()].filter(({ id }) => !named.has(id));
    return jobs.filter((job) => byTurn(job, last) < 0 || (known[job.status] ?? 0) > counts[job.status]).map(({ id }) => id);
  }

  /**
   * Show what an action will make of a job while the server is asked for it, and take it back when that refuses; a job
   * that is not there any more goes.
   * @template Answer
   * @param {string} id
   * @param {string} action
   * @param {{priority?: Job["priority"]}} extra
   * @param {() => Promise<Answer>} ask
   * @returns {Promise<Answer>}
   */
  async expecting(id, action, extra, ask) {
    const job = this.#jobs.get(id);
    const changed = () => {
      this.#roll.touch(id);
      this.#changed();
    };
    if (job) this.#expectations.expect(job, action, extra);
    changed();
    try {
      const answer = await ask();
      this.#expectations.agreed(id, changed);
      return answer;
    } catch (error) {
      this.#expectations.drop(id);
      if (error instanceof QueueError && error.code === "NOT_FOUND") this.remove(id);
      changed();
      throw error;
    }
  }

  /** The jobs in order, as they are to be shown, and which of them are others than the time before. */
  renew() {
    const changes = this.#roll.renew((id) => this.#shown(id));
    return { jobs: this.#roll.jobs, changes };
  }

  /** @param {string} id */
  #shown(id) {
    const known = this.#jobs.get(id);
    const job = known && this.#expectations.applied(known);
    return job && !job.hidden ? job : null;
  }

  /** @param {string} id */
  #forget(id) {
    this.#jobs.delete(id);
    this.#roll.touch(id);
  }
}

/**
 * The progress of a transfer, with the time left that follows from it.
 * @param {Job} job
 * @param {Moved} news
 */
function timely(job, news) {
  const { bytesDownloaded, speedBytesPerSecond } = news;
  const left = speedBytesPerSecond && job.bytesTotal ? (job.bytesTotal - bytesDownloaded) / speedBytesPerSecond : undefined;
  return { ...news, etaSeconds: left === undefined ? undefined : Math.max(0, left) };
}
