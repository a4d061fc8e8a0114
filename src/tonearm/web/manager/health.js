/**
 * Health: what wants attention, in words, one matter a line. The banner says why nothing is downloaded at all; here
 * stands what slows the queue down, or will stop it soon.
 */

/**
 * @typedef {{status: "ok" | "degraded" | "down", queue?: {level: "ok" | "warn" | "critical", size: number},
 *   disk?: {freeBytes: number | null, minBytes: number}}} Health
 */

/** A full disk counts as free again when so many times the least is free. */
const OPENS_AT = 1.25;

/**
 * Why the workers claim nothing, as far as the figures tell.
 * @param {import("../server-queue.js").State} state
 * @param {Health | null} health
 * @returns {"disk" | "catalog" | "other"}
 */
export function holdOf({ worker }, health) {
  const free = health?.disk?.freeBytes ?? Infinity;
  if (free < (health?.disk?.minBytes ?? 0) * OPENS_AT) return "disk";
  return worker?.resting?.length ? "catalog" : "other";
}

/**
 * @param {import("../server-queue.js").State} state
 * @param {Health | null} health as it was asked for last; null: not yet
 * @param {import("./texts.js").Texts} texts
 * @returns {string[]}
 */
export function mattersOf({ worker, clockOffset }, health, texts) {
  const { formats } = texts;
  const words = [];
  const level = health?.queue?.level;
  if (level === "warn" || level === "critical") words.push(texts.say(`health.${level}`, { count: health?.queue?.size ?? 0 }));
  const free = health?.disk?.freeBytes ?? null;
  const least = health?.disk?.minBytes ?? 0;
  if (free !== null && free < least) words.push(texts.say("health.disk", { size: formats.size(free), least: formats.size(least) }));
  for (const { host, until } of worker?.resting ?? []) {
    // By the browser's clock, which is the one that the reader looks at.
    words.push(texts.say("overview.resting", { host, time: formats.hour(until - clockOffset) }));
  }
  return words;
}
