/**
 * The page: the download manager, and what a tab shows of it from outside, its title and its icon.
 */

import "./download-manager.js";
import { serverQueue } from "./server-queue.js";

const RING = 2 * Math.PI;
const TITLE = document.title;

/** @type {HTMLLinkElement | null} */
const icon = document.querySelector("link[rel=icon]");
const plain = icon?.href ?? "";
let shown = "";

/** How far the running jobs are as a whole, 0 to 1; null when none runs or a key is asked for. @param {import("./server-queue.js").State} state */
function share({ jobs, connection }) {
  const running = connection.mode === "locked" ? [] : jobs.filter((job) => job.status === "processing");
  return running.length ? running.reduce((sum, job) => sum + job.progress, 0) / running.length : null;
}

/** The icon with a ring around it that closes. @param {number} part 0 to 1 @returns {string} as a data URL */
function ring(part) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 32;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.lineWidth = 6;
  pen.strokeStyle = "#8a8076";
  pen.beginPath();
  pen.arc(16, 16, 12, 0, RING);
  pen.stroke();
  pen.strokeStyle = "#f28c28";
  pen.beginPath();
  pen.arc(16, 16, 12, -RING / 4, RING * (part - 0.25));
  pen.stroke();
  return canvas.toDataURL();
}

serverQueue.subscribe((state) => {
  const part = share(state);
  const percent = part === null ? "" : `${Math.floor(part * 100)} %`;
  const label = state.connection.mode === "away" ? "…" : percent;
  if (label === shown) return;
  shown = label;
  document.title = label ? `${label} · ${TITLE}` : TITLE;
  if (icon) icon.href = part === null ? plain : ring(part);
});
