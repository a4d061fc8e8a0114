/**
 * The client store: what the server's queue looks like now, for any front end.
 *
 *     import { serverQueue } from "./web/server-queue.js";
 *     const stop = serverQueue.subscribe((state) => console.log(state.queue, state.jobs));
 *
 * `subscribe` keeps the contract of a Svelte store: it calls at once and at every change, and returns a function that
 * ends it; the connection begins with the first subscriber and ends with the last. It knows nothing of a screen.
 * Everything is described in docs/reference/page.md.
 */

import { Figures, standsIn } from "./queue/figures.js";
import { inLanes } from "./queue/lanes.js";
import { Missing } from "./queue/missing.js";
import { partOf } from "./queue/part.js";
import { Records } from "./queue/records.js";
import { QueueError, Requests } from "./queue/requests.js";
import { keepSession, readSession } from "./queue/session.js";
import { openLink } from "./queue/sharing.js";

export { QueueError };

/**
 * @typedef {import("./queue/job.js").Job} Job
 * @typedef {import("./queue/records.js").Moved} Moved
 *
 * What subscribers get. Times of jobs are the server's; *clockOffset* is what to add to the browser's to compare them.
 * *changes* are those of the jobs since the call before; *staleSince*: since when this may not be how it is, null: it is.
 * @typedef {{
 *   connection: import("./queue/link.js").Connection, staleSince: number | null,
 *   queue: Record<"queued" | "processing" | "paused" | "completed" | "failed" | "cancelled" | "total", number> | null,
 *   worker: {running: boolean, activeDownloads: number, maxConcurrent: number, lastHeartbeat: number | null,
 *            resting?: {host: string, until: number}[], holding?: string} | null,
 *   metrics: Record<string, any> | null, source: string | null, warning: string | null, error: string | null,
 *   jobs: readonly Job[], changes: readonly import("./queue/roll.js").Change[], speed: number, clockOffset: number, generation: number,
 *   session: import("./queue/session.js").Session | null }} State
 */

/** The shortest time between two calls of a subscriber, milliseconds. */
const CALM_MS = 100;

/** Where there are more jobs than a poll brings, lists are asked for anew after this, milliseconds. */
const RELOAD_MS = 10_000;

/** The queue of one server. */
export class ServerQueue {
  #records = new Records(() => this.#changed());
  /** @type {Set<(state: State) => void>} */
  #subscribers = new Set();
  /** @type {import("./queue/sharing.js").Shared | null} */
  #link = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;
  #toldAt = 0;
  #reloadedAt = 0;
  /** Others opened the link before, and what they were told is still to be asked for. */
  #joined = false;
  #asking = false;
  /** @type {number | null} since when nobody listened */
  #deafSince = null;
  #figures = new Figures();
  /** @type {State} */
  #state = {
    connection: { mode: "connecting", staleSince: null, retryAt: null, error: null, code: null },
    staleSince: null,
    queue: null,
    worker: null,
    metrics: null,
    source: null,
    warning: null,
    error: null,
    jobs: [],
    changes: [],
    speed: 0,
    clockOffset: 0,
    generation: 0,
    session: null,
  };

  /** @param {URL | string} [base] where the queue is; by default that of the server this module came from */
  constructor(base = new URL("../api/download-queue", import.meta.url)) {
    const text = String(base);
    /** The address of the queue, with a slash at its end. */
    this.base = new URL(text.endsWith("/") ? text : `${text}/`, globalThis.location?.href);
    this.#requests = new Requests(this.base);
    this.#missing = new Missing(this.#records, (id) => this.job(id));
    this.#visible = () => this.#link?.see(document.visibilityState === "visible");
    this.#woken = () => this.#link?.wake();
    /** The jobs by status: a store of its own. */
    this.queueStats = this.#part((state) => state.queue);
    /** The workers' state: a store of its own. */
    this.workerStatus = this.#part((state) => state.worker);
    this.hasActiveDownloads = this.#part((state) => (state.queue?.processing ?? 0) > 0);
    this.hasFailed = this.#part((state) => (state.queue?.failed ?? 0) > 0);
    this.totalDownloads = this.#part((state) => state.queue?.total ?? 0);
  }

  /** @template Part @param {(state: State) => Part} part */
  #part(part) {
    return partOf((subscriber) => this.subscribe(subscriber), part);
  }

  #requests;
  #missing;
  #visible;
  #woken;

  /**
   * Be told the state, now and at every change, at most ten times a second.
   * @param {(state: State) => void} subscriber
   * @returns {() => void} ends it
   */
  subscribe(subscriber) {
    const one = (/** @type {State} */ state) => subscriber(state);
    this.#subscribers.add(one);
    if (this.#subscribers.size === 1) this.#begin();
    one({ ...this.#state, changes: [] });
    return () => {
      if (this.#subscribers.delete(one) && this.#subscribers.size === 0) this.#end();
    };
  }

  /** Try to reach the server now, not at the next time. */
  retry() {
    this.#link?.wake();
  }

  /** The state as it is now. */
  get state() {
    return this.#state;
  }

  /**
   * Queue a track or an album.
   * @param {{type: "track", trackId: number, quality: string} | {type: "album", albumId: number, quality: string}} job
   * @param {{priority?: Job["priority"], startPaused?: boolean, maxRetries?: number}} [options]
   * @returns {Promise<{jobId: string, message: string, duplicate?: boolean, warning?: string}>}
   * @throws {QueueError} refused; *field* names what was wrong
   */
  add(job, options = {}) {
    return this.#requests.ask("POST", "", { body: { job, ...options } });
  }

  /**
   * Do something to a job; it is shown at once, and taken back when the server refuses.
   * @param {string} id
   * @param {"cancel" | "pause" | "resume" | "retry" | "prioritize"} action
   * @param {{priority?: Job["priority"]}} [extra]
   * @returns {Promise<{message: string}>}
   * @throws {QueueError}
   */
  act(id, action, extra = {}) {
    return this.#records.expecting(id, action, extra, () => {
      return this.#requests.ask("PATCH", encodeURIComponent(id), { body: { action, ...extra } });
    });
  }

  /**
   * Remove a job from the queue or the history; its files stay in the library, unless *files*.
   * @param {string} id
   * @param {{files?: boolean}} [options]
   * @returns {Promise<{message: string, keptCount?: number, keptFiles?: {path: string, reason: string}[]}>}
   * @throws {QueueError}
   */
  remove(id, { files = false } = {}) {
    const query = files ? { files: "true" } : {};
    return this.#records.expecting(id, "remove", {}, async () => {
      const answer = await this.#requests.ask("DELETE", encodeURIComponent(id), { query });
      this.#records.remove(id); // polls do not tell it
      return answer;
    });
  }

  /**
   * Do the same to many jobs. Those that refuse are in the answer and keep no other from it.
   * @param {string[]} ids
   * @param {"cancel" | "pause" | "resume" | "retry" | "prioritize" | "remove"} action
   * @param {{priority?: Job["priority"], files?: boolean}} [extra] *files*: remove those in the library as well
   * @returns {Promise<{id: string, answer: any, error: QueueError | null}[]>} in order
   */
  async actOnMany(ids, action, { files, ...extra } = {}) {
    /** @type {{id: string, answer: any, error: QueueError | null}[]} */
    const results = ids.map((id) => ({ id, answer: null, error: null }));
    await inLanes(results, async (result) => {
      try {
        result.answer = await (action === "remove" ? this.remove(result.id, { files }) : this.act(result.id, action, extra));
      } catch (error) {
        result.error = /** @type {QueueError} */ (error);
      }
    });
    return results;
  }

  /**
   * Clear the history of one status; of the completed ones only those with an outcome, where one is named.
   * @param {string} status "completed", "failed" or "cancelled"
   * @param {{outcome?: string}} [which] "ok" or "partial"
   * @returns {Promise<number>} how many
   */
  async clear(status, { outcome } = {}) {
    let removed = 0;
    for (;;) {
      const answer = await this.#requests.ask("DELETE", "", { query: { status, outcome } });
      removed += answer.removed;
      if (!answer.more) break;
    }
    this.#records.drop(status, outcome);
    this.#changed();
    return removed;
  }

  /**
   * A page of jobs, which are kept up to date from then on.
   * @param {{status?: string, type?: string, q?: string, outcome?: string, sort?: string, limit?: number, cursor?: string | null}} query
   * @returns {Promise<{jobs: Job[], nextCursor: string | null}>}
   * @throws {QueueError}
   */
  async page(query) {
    const answer = await this.#requests.ask("GET", "", { query });
    for (const job of answer.jobs) this.#records.take(job);
    this.#changed();
    return { jobs: answer.jobs, nextCursor: answer.nextCursor ?? null };
  }

  /** A job in its whole form. @param {string} id @returns {Promise<Job>} @throws {QueueError} `NOT_FOUND` when it is gone */
  async job(id) {
    return (await this.#requests.ask("GET", encodeURIComponent(id))).job;
  }

  /** A page of the tracks of an album. @param {string} id @param {string | null} [cursor] @returns {Promise<any>} */
  tracks(id, cursor = null) {
    return this.#requests.ask("GET", `${encodeURIComponent(id)}/tracks`, { query: { cursor } });
  }

  /** Where the files of a job can be had as one ZIP. @param {string} id */
  archiveUrl(id) {
    return this.#requests.url(`${encodeURIComponent(id)}/archive`).href;
  }

  /** Where the cover of a job is, once it has files. @param {string} id */
  coverUrl(id) {
    return this.#requests.url(`${encodeURIComponent(id)}/cover`).href;
  }

  /** How the whole queue runs. @returns {Promise<{paused: boolean, bandwidthLimit: number, maxConcurrent: number}>} */
  control() {
    return this.#requests.ask("GET", "control");
  }

  /** Change how the whole queue runs. @param {{paused?: boolean, bandwidthLimit?: number | null, maxConcurrent?: number | null}} change */
  setControl(change) {
    return this.#requests.ask("PATCH", "control", { body: change });
  }

  /** The health of the queue, also when it is down. @returns {Promise<any>} */
  async health() {
    try {
      return await this.#requests.ask("GET", "health");
    } catch (error) {
      if (error instanceof QueueError && error.body?.status) return error.body;
      throw error;
    }
  }

  /** Search the catalog. @param {string} q @param {"track" | "album" | ""} [type] @param {AbortSignal} [signal] @returns {Promise<any>} */
  search(q, type = "", signal) {
    return this.#requests.ask("GET", "search", { query: { q, type }, signal });
  }

  /** Open a session with a key. @param {string} key @returns {Promise<import("./queue/session.js").Session>} @throws {QueueError} */
  async login(key) {
    const { name, scope, expiresAt } = await this.#requests.ask("POST", "login", { body: { key } });
    keepSession(this.base, { name, scope, expiresAt });
    this.#link?.renew();
    return { name, scope, expiresAt };
  }

  /** End the session. */
  async logout() {
    await this.#requests.ask("POST", "logout", { body: {} });
    keepSession(this.base, null);
    this.#link?.renew();
  }

  // --- what the link tells ---

  #begin() {
    this.#link = openLink(this.base, (message) => this.#hear(message));
    document.addEventListener("visibilitychange", this.#visible);
    addEventListener("online", this.#woken);
    addEventListener("pageshow", this.#woken);
    this.#visible();
  }

  #end() {
    this.#link?.stop();
    this.#link = null;
    this.#joined = false;
    this.#deafSince = this.#state.queue && (this.#state.staleSince ?? Date.now());
    this.#note({ connection: { mode: "connecting", staleSince: this.#deafSince, retryAt: null, error: null, code: null } });
    document.removeEventListener("visibilitychange", this.#visible);
    removeEventListener("online", this.#woken);
    removeEventListener("pageshow", this.#woken);
  }

  /** @param {import("./queue/sharing.js").Heard} message */
  #hear(message) {
    if (message.kind === "link") this.#connected(message.link);
    else if (message.kind === "joined") this.#joined = true;
    else if (message.kind === "snapshot") this.#begun(message.body, message.polled);
    else if (message.kind === "stats") this.#count(message.body);
    else if (message.kind === "job") this.#records.take(message.body);
    else if (message.kind === "progress") this.#records.move(message.body);
    else if (message.kind === "removed") this.#records.remove(message.body.id);
    if (this.#joined && (message.kind === "joined" || this.#state.connection.mode === "live")) this.#ask();
    this.#changed();
  }

  /** @param {import("./queue/link.js").Connection} connection */
  #connected(connection) {
    if (connection.mode === "locked") keepSession(this.base, null);
    this.#note({ connection, session: readSession(this.base) });
  }

  /** Ask for what others were told; when there is no answer, again as soon as something is heard. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    const body = await this.#requests.ask("GET", "dashboard").catch((error) => error.body);
    this.#asking = false;
    if (body?.queue) {
      this.#begun(body, true);
      this.#changed();
    }
  }

  /** @param {any} body of the dashboard @param {boolean} polled and so it may not be all that is known */
  #begun(body, polled) {
    const all = body.queue.total <= body.jobs.length;
    const away = standsIn(body);
    this.#joined = false;
    this.#deafSince = null;
    if ((all || !polled) && !away) this.#records.keep(new Set(body.jobs.map((/** @type {Job} */ job) => job.id)));
    for (const job of body.jobs) this.#records.take(job);
    this.#count(body);
    if (polled && !all && !away) this.#missing.look(body.jobs, body.queue).finally(() => this.#changed());
    if (!polled || (!all && Date.now() - this.#reloadedAt > RELOAD_MS)) {
      this.#reloadedAt = Date.now();
      this.#note({ generation: this.#state.generation + 1 });
    }
  }

  /** @param {any} body of the stats */
  #count(body) {
    const offset = body.timestamp - Date.now();
    const near = Math.abs(offset - this.#state.clockOffset) < 2_000;
    this.#note({ ...this.#figures.take(body), clockOffset: near ? this.#state.clockOffset : offset });
  }

  /** @param {Partial<State>} news */
  #note(news) {
    const state = { ...this.#state, ...news };
    this.#state = { ...state, staleSince: state.connection.staleSince ?? this.#deafSince ?? this.#figures.awaySince };
  }

  // --- what subscribers are told ---

  #changed() {
    if (this.#telling !== undefined || this.#subscribers.size === 0) return;
    const wait = Math.max(0, this.#toldAt + CALM_MS - Date.now());
    this.#telling = setTimeout(() => this.#tell(), Math.min(wait, CALM_MS));
  }

  #tell() {
    this.#telling = undefined;
    this.#toldAt = Date.now();
    const { jobs, changes } = this.#records.renew();
    let speed = 0;
    for (const job of jobs) {
      if (job.status !== "processing") break; // those that run stand first
      speed += job.speedBytesPerSecond ?? 0;
    }
    this.#state = { ...this.#state, jobs, changes, speed };
    for (const subscriber of this.#subscribers) subscriber(this.#state);
  }
}

/** The queue of the server that this module came from. */
export const serverQueue = new ServerQueue();

export const { queueStats, workerStatus, hasActiveDownloads, hasFailed, totalDownloads } = serverQueue;
