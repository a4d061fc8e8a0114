/**
 * The link: one connection to the server, kept alive by itself.
 *
 * It follows the stream of events, and where events do not get through it polls. When neither works it waits, twice as
 * long each time with jitter, and says since when what was told is stale. It knows nothing of jobs: it tells messages.
 */

import { readEvents } from "./event-stream.js";
import { PATIENCE_MS, QueueError, Requests, refusalIn } from "./requests.js";

/**
 * @typedef {"connecting" | "live" | "polling" | "away" | "locked"} Mode
 * live: by events; polling: by asking; away: nothing answers; locked: a key is asked for.
 *
 * @typedef {{mode: Mode, staleSince: number | null, retryAt: number | null, error: string | null,
 *   code: string | null}} Connection
 * Times in milliseconds of the browser's clock; *staleSince*: when the line broke, or fell silent for longer than it may; *code* is that of a server which answers and refuses.
 *
 * @typedef {{kind: "link", link: Connection}
 *   | {kind: "snapshot", body: any, polled: boolean}
 *   | {kind: "stats" | "job" | "progress" | "removed", body: any}
 *   | {kind: "resync"}} Message
 *
 * @typedef {typeof TIMES} Times
 */

/** All in milliseconds. */
export const TIMES = Object.freeze({
  /** Between two polls while the page is looked at, and while it is not. */
  poll: 500,
  hiddenPoll: 5_000,
  /** How long the first byte of a stream may take: a proxy that gathers answers never sends it. */
  firstByte: 5_000,
  /** A stream is dead after so much silence: the server breaks it every 15 seconds. */
  silence: 25_000,
  /** Where a stream tells nothing for so long, the server is asked whether its queue answers. */
  quiet: 10_000,
  /** How long a poll may take. */
  patience: PATIENCE_MS,
  /** Where polling works, the stream is tried again after this. */
  tryEvents: 30_000,
  /** The shortest and the longest wait between two attempts. */
  leastWait: 500,
  mostWait: 30_000,
});

/** The code of a server whose queue does not answer. */
const QUEUE_AWAY = "STORE_UNAVAILABLE";

/** @type {Connection} */
const LIVE = Object.freeze({ mode: "live", staleSince: null, retryAt: null, error: null, code: null });

/** Keeps one connection, and tells what comes. */
export class Link {
  /** @type {AbortController | null} */
  #open = null;
  /** @type {(() => void) | null} */
  #endWait = null;
  #stopped = false;
  #visible = true;
  #heard = false;
  #heardAt = 0;
  #toldAt = 0;
  #failures = 0;
  /** @type {string | null} */
  #lastId = null;
  /** @type {Connection} */
  #state = { mode: "connecting", staleSince: null, retryAt: null, error: null, code: null };

  /**
   * @param {URL} base where the queue is, with a slash at its end
   * @param {(message: Message) => void} tell
   * @param {Times} [times]
   */
  constructor(base, tell, times = TIMES) {
    this.#requests = new Requests(base, times.patience);
    this.#tell = tell;
    this.#times = times;
    this.#run();
  }

  #requests;
  #tell;
  #times;

  /** How the connection is. */
  get state() {
    return this.#state;
  }

  /** End it for good. */
  stop() {
    this.#stopped = true;
    this.#open?.abort();
    this.#endWait?.();
  }

  /** Whether anybody looks: polls are rarer when nobody does. @param {boolean} visible */
  see(visible) {
    if (visible && !this.#visible) this.wake();
    this.#visible = visible;
  }

  /** Try now: the network is back, the machine has slept, or somebody logged in. */
  wake() {
    if (this.#endWait) this.#endWait();
    else if (this.#open && this.#state.code === QUEUE_AWAY) this.#doubt(this.#open);
    else if (this.#heard && Date.now() - this.#heardAt > this.#times.silence) this.#open?.abort();
  }

  /** Begin anew, with a snapshot. */
  renew() {
    this.#lastId = null;
    this.#open?.abort();
    this.#endWait?.();
  }

  async #run() {
    while (!this.#stopped) {
      let error = await this.#outcome(() => this.#follow());
      if (this.#heard) this.#failures = 0;
      else if (error?.code !== "UNAUTHORIZED") error = await this.#outcome(() => this.#poll());
      if (this.#stopped) return;
      if (error?.code === "UNAUTHORIZED") {
        this.#lastId = null;
        this.#say({ mode: "locked", staleSince: null, retryAt: null, error: error.message, code: error.code });
        await this.#wait(Infinity);
      } else if (error) {
        await this.#retreat(error);
      }
    }
  }

  /** @param {() => Promise<void>} attempt @returns {Promise<QueueError | null>} why it ended */
  async #outcome(attempt) {
    try {
      await attempt();
      return null;
    } catch (error) {
      return error instanceof QueueError ? error : new QueueError("The connection broke off");
    }
  }

  /** @param {QueueError} error */
  async #retreat(error) {
    const { leastWait, mostWait } = this.#times;
    const most = Math.min(mostWait, leastWait * 2 ** this.#failures);
    this.#failures += 1;
    const wait = Math.min(mostWait, Math.max(error.retryAfterMs ?? 0, most * (0.5 + Math.random() / 2)));
    const asleep = this.#heardAt > 0 && Date.now() - this.#heardAt >= this.#times.silence;
    const staleSince = this.#state.staleSince ?? (asleep ? this.#heardAt : Date.now());
    this.#say({ mode: "away", staleSince, retryAt: Date.now() + wait, error: error.message, code: error.code });
    await this.#wait(wait);
  }

  /** Follow the stream until it ends; it always ends with an error. */
  async #follow() {
    const open = (this.#open = new AbortController());
    this.#heard = false;
    let alarm = setTimeout(() => open.abort(), this.#times.firstByte);
    const heard = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => open.abort(), this.#times.silence);
      this.#heardAt = Date.now();
      if (this.#heard) return;
      this.#heard = true;
      this.#say(LIVE);
    };
    const quiet = setInterval(() => {
      if (this.#heard && Date.now() - this.#toldAt >= this.#times.quiet) this.#doubt(open);
    }, this.#times.quiet);
    try {
      /** @type {Record<string, string>} */
      const headers = { Accept: "text/event-stream" };
      if (this.#lastId !== null) headers["Last-Event-ID"] = this.#lastId;
      const url = this.#requests.url("events");
      const response = await fetch(url, { headers, signal: open.signal, cache: "no-store", credentials: "same-origin" });
      if (!response.ok) throw await refusalIn(response);
      if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        throw new QueueError("This is no stream of events");
      }
      for await (const event of readEvents(response.body, heard)) this.#take(event);
    } finally {
      clearTimeout(alarm);
      clearInterval(quiet);
      this.#open = null;
    }
    throw new QueueError("The server closed the connection");
  }

  /** A stream does not say that the queue behind its server is away: ask. @param {AbortController} open */
  async #doubt(open) {
    const error = await this.#outcome(() => this.#requests.ask("GET", "stats", { signal: open.signal }));
    if (this.#open !== open) return;
    const staleSince = this.#state.staleSince ?? Date.now();
    if (!error || error.body?.queue) this.#say(LIVE);
    else if (error.code === QUEUE_AWAY) {
      this.#say({ mode: "away", staleSince, retryAt: null, error: error.message, code: error.code });
    }
  }

  /** @param {import("./event-stream.js").StreamEvent} event */
  #take({ event, data, id }) {
    this.#toldAt = Date.now();
    if (this.#state !== LIVE) this.#say(LIVE);
    if (event === "resync") this.#tell({ kind: "resync" });
    else if (event === "snapshot") this.#tell({ kind: "snapshot", body: JSON.parse(data), polled: false });
    else if (event === "job" || event === "progress" || event === "removed" || event === "stats") {
      this.#tell({ kind: event, body: JSON.parse(data) });
    }
    if (id !== null) this.#lastId = id;
  }

  /** Poll, and try the stream now and then meanwhile, until that is heard and ends. */
  async #poll() {
    /** @type {Promise<QueueError | null> | null} */
    let attempt = null;
    let next = Date.now() + this.#times.tryEvents;
    try {
      while (!this.#stopped && !this.#heard) {
        const body = await this.#dashboard();
        if (this.#stopped || this.#heard) break; // the stream has told what is newer
        this.#polled(body);
        if (Date.now() >= next) {
          next = Infinity;
          attempt = this.#outcome(() => this.#follow()).finally(() => (next = Date.now() + this.#times.tryEvents));
        }
        await this.#wait(this.#visible ? this.#times.poll : this.#times.hiddenPoll);
      }
    } catch (error) {
      if (!this.#heard) {
        this.#open?.abort();
        await attempt;
        throw error;
      }
    }
    const error = await attempt;
    if (error) throw error;
  }

  /** @param {any} body of the dashboard */
  #polled(body) {
    this.#heardAt = Date.now();
    this.#failures = 0;
    this.#lastId = null; // what came between is not told by the stream any more
    this.#say({ mode: "polling", staleSince: null, retryAt: null, error: null, code: null });
    this.#tell({ kind: "snapshot", body, polled: true });
  }

  /** The dashboard; one without a worker comes as a refusal that has the figures. */
  async #dashboard() {
    try {
      return await this.#requests.ask("GET", "dashboard");
    } catch (error) {
      if (error instanceof QueueError && error.body?.queue) return error.body;
      throw error;
    }
  }

  /** @param {number} milliseconds @returns {Promise<void>} sooner when woken */
  #wait(milliseconds) {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(() => this.#endWait?.(), milliseconds);
      this.#endWait = () => {
        clearTimeout(timer);
        this.#endWait = null;
        resolve();
      };
    });
  }

  /** @param {Connection} state */
  #say(state) {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#tell({ kind: "link", link: state });
  }
}
