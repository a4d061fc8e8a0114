/**
 * Views: the parts of the queue that a reader can look at, and what the server is asked for to fill one.
 */

import { lookOf } from "./looks.js";

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {import("../server-queue.js").State} State
 * @typedef {"all" | "running" | "waiting" | "incomplete" | "failed" | "done" | "cancelled"} ViewName
 * @typedef {{looks: string[] | null, queries: Record<string, string>[]}} View
 */

/** @type {Record<ViewName, View>} */
export const VIEWS = {
  all: { looks: null, queries: [{}] },
  running: { looks: ["processing"], queries: [{ status: "processing" }] },
  waiting: { looks: ["queued", "paused"], queries: [{ status: "queued" }, { status: "paused" }] },
  incomplete: { looks: ["partial"], queries: [{ status: "completed", outcome: "partial" }] },
  failed: { looks: ["failed"], queries: [{ status: "failed" }] },
  done: { looks: ["completed"], queries: [{ status: "completed", outcome: "ok" }] },
  cancelled: { looks: ["cancelled"], queries: [{ status: "cancelled" }] },
};

/** How many jobs a view has, as far as the counts tell. @param {ViewName} name @param {State} state @param {number} incomplete */
export function countOf(name, { queue }, incomplete) {
  if (!queue) return 0;
  const counts = {
    all: queue.total,
    running: queue.processing,
    waiting: queue.queued + queue.paused,
    incomplete,
    failed: queue.failed,
    done: Math.max(0, queue.completed - incomplete),
    cancelled: queue.cancelled,
  };
  return counts[name];
}

/** Whether a job belongs to a view. @param {View} view @param {Job} job */
export function shows(view, job) {
  return view.looks === null || view.looks.includes(lookOf(job));
}

/** Whether a text is found in a job, as the server finds it. @param {string} text lower case @param {Job} job */
export function finds(text, job) {
  if (text === "") return true;
  const { trackTitle, albumTitle, artistName } = job.job;
  return [trackTitle, albumTitle, artistName, job.id].some((part) => part?.toLowerCase().includes(text));
}
