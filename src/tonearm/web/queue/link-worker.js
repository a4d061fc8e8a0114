/**
 * The shared worker: one link for all tabs of a browser.
 *
 * A tab that joins is told how the link is and asks the server itself for what there is; from then on it hears what
 * the others hear. The worker ends with its last tab.
 */

import { Link } from "./link.js";

/** @type {Map<MessagePort, boolean>} whether its page is looked at */
const ports = new Map();
const base = new URL("../../api/download-queue/", import.meta.url);
const link = new Link(base, (message) => {
  for (const port of ports.keys()) port.postMessage(message);
});

/** @param {MessageEvent} event */
function joined(event) {
  const [port] = event.ports;
  ports.set(port, true);
  port.onmessage = ({ data }) => heard(port, data);
  port.postMessage({ kind: "link", link: link.state });
  port.postMessage({ kind: "joined" });
}

/** @param {MessagePort} port @param {{kind: "see" | "wake" | "renew" | "leave", visible?: boolean}} message */
function heard(port, { kind, visible }) {
  if (kind === "wake") link.wake();
  else if (kind === "renew") link.renew();
  else if (kind === "leave") ports.delete(port);
  else ports.set(port, visible === true);
  link.see([...ports.values()].some(Boolean));
}

self.addEventListener("connect", /** @type {EventListener} */ (/** @type {unknown} */ (joined)));
