/**
 * Sharing: the same link for all tabs where the browser has shared workers, else one for this tab alone.
 */

import { Link } from "./link.js";

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
  if (!worker) return null;
  /** @type {Shared | null} what stands in for a worker that does not start */
  let instead = null;
  let stopped = false;
  const { port } = worker;
  port.onmessage = ({ data }) => tell(data);
  worker.onerror = () => {
    if (!stopped && !instead) instead = new Link(base, tell);
  };
  /** @param {any} message */
  const say = (message) => port.postMessage(message);
  return {
    see: (visible) => (instead ? instead.see(visible) : say({ kind: "see", visible })),
    wake: () => (instead ? instead.wake() : say({ kind: "wake" })),
    renew: () => (instead ? instead.renew() : say({ kind: "renew" })),
    stop: () => {
      stopped = true;
      instead?.stop();
      say({ kind: "leave" });
      port.close();
    },
  };
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
