/**
 * Figures: how many jobs there are, and who works on them. While something stands in for a queue that is away, its figures
 * are of its own jobs alone; they are added to what was known before.
 */

/** @typedef {import("../server-queue.js").State} State */

/** The figures that were heard last. */
export class Figures {
  /** @type {State["queue"]} those of the queue itself */
  #own = null;
  /** @type {number | null} since when something stands in for it; null: nothing does */
  awaySince = null;

  /**
   * @param {any} body of the stats
   * @returns {Pick<State, "queue" | "worker" | "metrics" | "source" | "warning" | "error">}
   */
  take(body) {
    const away = standsIn(body);
    if (!away) this.#own = body.queue;
    this.awaySince = away ? (this.awaySince ?? Date.now()) : null;
    return {
      queue: away && this.#own ? sum(this.#own, body.queue) : body.queue,
      worker: body.worker,
      metrics: body.metrics,
      source: body.queueSource,
      warning: body.warning ?? null,
      error: body.success ? null : (body.error ?? null),
    };
  }
}

/** Whether these figures are of what stands in. @param {any} body */
export function standsIn({ queueSource, warning }) {
  return Boolean(warning) && (queueSource === "local" || queueSource === "memory");
}

/** @template {Record<string, number>} Counts @param {Counts} one @param {Counts} other @returns {Counts} */
function sum(one, other) {
  return /** @type {Counts} */ (Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count + other[name]])));
}
