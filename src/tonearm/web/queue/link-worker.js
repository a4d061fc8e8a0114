/**
 * The shared worker: one link for all tabs of a browser.
 *
 * A tab that joins is told how the link is and asks the server itself for what there is; from then on it hears what
 * the others hear. The link ends with the last tab that listens, and the worker answers whoever asks whether it lives.
 */

import { Link } from "./link.js";

/** @type {Map<MessagePort, boolean>} whether its page is looked at */
const ports = new Map();
const base = new URL("../../api/download-queue/", import.meta.url);
/** @type {Link | null} there is one as long as anybody listens */
let link = null;

/** @param {import("./link.js").Message} message */
function tell(message) {
  for (const port of ports.keys()) port.postMessage(message);
}

/** @param {MessageEvent} event */
function joined(event) {
  const [port] = event.ports;
  ports.set(port, true);
  port.onmessage = ({ data }) => heard(port, data);
  port.addEventListener("close", () => left(port)); // of a tab that ended without a word
  link ??= new Link(base, tell);
  port.postMessage({ kind: "link", link: link.state });
  port.postMessage({ kind: "joined" });
}

/** @param {MessagePort} port @param {{kind: "ask" | "see" | "wake" | "renew" | "leave", visible?: boolean}} message */
function heard(port, { kind, visible }) {
  if (kind === "ask") port.postMessage({ kind: "alive" });
  else if (kind === "wake") link?.wake();
  else if (kind === "renew") link?.renew();
  else if (kind === "leave") left(port);
  else look(port, visible === true);
}

/** @param {MessagePort} port @param {boolean} visible */
function look(port, visible) {
  ports.set(port, visible);
  link?.see([...ports.values()].some(Boolean));
}

/** @param {MessagePort} port */
function left(port) {
  look(port, false);
  ports.delete(port);
  if (ports.size > 0) return;
  link?.stop();
  link = null;
}

self.addEventListener("connect", /** @type {EventListener} */ (/** @type {unknown} */ (joined)));
