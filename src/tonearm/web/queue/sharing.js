/**
 * Sharing: the same link for all tabs where the browser has shared workers, else one for this tab alone.
 */

import { Link } from "./link.js";

/** A worker is asked so often whether it lives, milliseconds, and is dead when so many questions had no answer. */
const ASK_MS = 5_000;
const MOST = 3;

/**
 * @typedef {import("./link.js").Message | {kind: "joined"}} Heard
 * joined: others were here before; ask the server for what there is.
 *
 * @typedef {{see: (visible: boolean) => void, wake: () => void, renew: () => void, stop: () => void}} Shared
 */

const WORKER = new URL("link-worker.js", import.meta.url).href;

/**
 * Open the link to the queue that this page came with.
 * @param {URL} base
 * @param {(message: Heard) => void} tell
 * @returns {Shared}
 */
export function openLink(base, tell) {
  const own = new URL("../../api/download-queue/", import.meta.url).href === base.href;
  return (own && shared(base, tell)) || new Link(base, tell);
}

/** @param {URL} base @param {(message: Heard) => void} tell @returns {Shared | null} null: not to be had here */
function shared(base, tell) {
  const worker = begin();
  return worker && new OfWorker(worker, base, tell);
}

/** The link of a worker; one of our own where that does not start, or has died. */
class OfWorker {
  /** @type {Link | null} */
  #own = null;
  #seen = true;
  #left = false;
  #unanswered = 0;
  #heardAt = Date.now();

  /** @param {SharedWorker} worker @param {URL} base @param {(message: Heard) => void} tell */
  constructor(worker, base, tell) {
    this.#port = worker.port;
    this.#base = base;
    this.#tell = tell;
    this.#asking = setInterval(() => this.#ask(), ASK_MS);
    this.#port.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = () => this.#replace();
  }

  #port;
  #base;
  #tell;
  #asking;

  /** @param {boolean} visible */
  see(visible) {
    this.#seen = visible;
    if (this.#own) this.#own.see(visible);
    else this.#port.postMessage({ kind: "see", visible });
  }

  wake() {
    if (this.#own) this.#own.wake();
    else this.#port.postMessage({ kind: "wake" });
  }

  renew() {
    if (this.#own) this.#own.renew();
    else this.#port.postMessage({ kind: "renew" });
  }

  stop() {
    this.#own?.stop();
    this.#leave();
  }

  #leave() {
    if (this.#left) return;
    this.#left = true;
    clearInterval(this.#asking);
    this.#port.postMessage({ kind: "leave" });
    this.#port.close();
  }

  /** @param {Heard | {kind: "alive"}} message */
  #hear(message) {
    this.#unanswered = 0;
    this.#heardAt = Date.now();
    if (message.kind !== "alive") this.#tell(message);
  }

  #ask() {
    if (this.#unanswered >= MOST) return this.#replace();
    this.#unanswered += 1;
    this.#port.postMessage({ kind: "ask" });
  }

  #replace() {
    if (this.#left) return;
    this.#leave();
    this.#own = new Link(this.#base, this.#tell);
    this.#own.see(this.#seen);
    this.#tell({ kind: "link", link: { ...this.#own.state, staleSince: this.#heardAt } });
  }
}

/** @returns {SharedWorker | null} */
function begin() {
  if (typeof SharedWorker === "undefined") return null;
  try {
    return new SharedWorker(trusted(WORKER), { type: "module", name: "tonearm" });
  } catch {
    return null; // the page's policy does not allow it, or the browser's storage is shut
  }
}

/** The address of the worker in the form that Trusted Types want. @param {string} url @returns {any} */
function trusted(url) {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  if (!types) return url;
  policy ??= types.createPolicy("tonearm", { createScriptURL: only });
  return policy.createScriptURL(url);
}

/** @type {any} */
let policy = null;

/** @param {string} url */
function only(url) {
  if (url !== WORKER) throw new TypeError("Only the worker of the queue may be started");
  return url;
}
