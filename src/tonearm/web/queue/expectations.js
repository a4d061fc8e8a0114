/**
 * Expectations: how a job will look when an action has done its work, shown until the server says so itself.
 */

/** @typedef {import("../server-queue.js").Job} Job */

/** How long an expectation outlives the server's consent while no word of the job comes, milliseconds. */
const LINGER_MS = 5_000;

/** @type {Record<string, (job: Job, extra: {priority?: Job["priority"]}) => Partial<Job>>} */
const CHANGES = {
  cancel: (job) => (job.status === "processing" ? { cancellationRequested: true } : { status: "cancelled" }),
  pause: (job) => (job.status === "processing" ? { pauseRequested: true } : { status: "paused" }),
  resume: (job) => (job.status === "processing" ? { pauseRequested: false } : { status: "queued" }),
  retry: () => ({ status: "queued", error: undefined, failureCode: undefined, outcome: undefined }),
  prioritize: (_job, { priority }) => ({ priority }),
  remove: () => ({ hidden: true }),
};

/** What is expected of jobs whose actions are under way. */
export class Expectations {
  /** @type {Map<string, Partial<Job>>} */
  #changes = new Map();

  /**
   * @param {Job} job
   * @param {string} action
   * @param {{priority?: Job["priority"]}} [extra]
   */
  expect(job, action, extra = {}) {
    this.#changes.set(job.id, { ...CHANGES[action]?.(job, extra), expected: true });
  }

  /** The server refused, or has told the job itself. @param {string} id */
  drop(id) {
    this.#changes.delete(id);
  }

  /** The server agreed: what it tells next counts. @param {string} id @param {() => void} ended */
  agreed(id, ended) {
    const change = this.#changes.get(id);
    setTimeout(() => {
      if (change && this.#changes.get(id) === change) {
        this.#changes.delete(id);
        ended();
      }
    }, LINGER_MS);
  }

  /** The job as it is expected to be. @param {Job} job @returns {Job} */
  applied(job) {
    const change = this.#changes.get(job.id);
    return change ? { ...job, ...change } : job;
  }
}
