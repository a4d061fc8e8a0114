/**
 * Looks: what a job is called, which state a reader sees, and what can be done with it. Nothing here draws.
 */

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {import("./texts.js").Texts} Texts
 * @typedef {"cancel" | "pause" | "resume" | "retry" | "prioritize" | "remove"} Action
 * @typedef {"processing" | "queued" | "paused" | "completed" | "partial" | "failed" | "cancelled"} Look
 */

/** What a job is called: its title, or what it is and its number until the catalog has said. @param {Job} job @param {Texts} texts */
export function titleOf({ job }, texts) {
  if (job.type === "album") return job.albumTitle ?? texts.say("title.album", { id: String(job.albumId) });
  return job.trackTitle ?? texts.say("title.track", { id: String(job.trackId) });
}

/** By whom, from which album, in which quality. @param {Job} job @param {Texts} texts */
export function subtitleOf({ job, jobType }, texts) {
  const album = jobType === "track" ? job.albumTitle : texts.say("add.album");
  return [job.artistName, album, qualityOf(job.quality, texts)].filter(Boolean).join(" · ");
}

/** @param {string} quality @param {Texts} texts */
export function qualityOf(quality, texts) {
  const key = `quality.${quality}`;
  return texts.has(key) ? texts.say(key) : quality;
}

/** The state that a reader sees: an album with missing tracks is a state of its own. @param {Job} job @returns {Look} */
export function lookOf(job) {
  return job.status === "completed" && job.outcome === "partial" ? "partial" : job.status;
}

/** @type {Record<Look, import("./dom.js").IconName>} */
export const LOOK_ICONS = {
  processing: "down",
  queued: "clock",
  paused: "pause",
  completed: "check",
  partial: "missing",
  failed: "warning",
  cancelled: "cancel",
};

/** The state in words. @param {Job} job @param {Texts} texts @param {number} now the server's clock */
export function stateOf(job, texts, now) {
  const look = lookOf(job);
  if (look === "partial") {
    return texts.say("incomplete", { completed: job.completedTracks ?? 0, count: job.trackCount ?? 0 });
  }
  if (job.cancellationRequested && look === "processing") return texts.say("state.cancelling");
  if (job.pauseRequested && look === "processing") return texts.say("state.pausing");
  if (look === "queued" && job.nextRetryAt && job.nextRetryAt > now) {
    const time = texts.formats.duration((job.nextRetryAt - now) / 1000);
    return texts.say("state.retrying", { attempt: job.retryCount + 1, time });
  }
  return texts.say(`state.${look}`);
}

/** How far it is, in figures; or how much it was, and when. @param {Job} job @param {Texts} texts */
export function figuresOf(job, texts) {
  const { formats } = texts;
  const parts = [];
  if (job.status === "processing") {
    parts.push(formats.percent(job.progress));
    if (job.etaSeconds !== undefined) parts.push(texts.say("overview.left", { time: formats.duration(job.etaSeconds) }));
    if (job.speedBytesPerSecond) parts.push(formats.speed(job.speedBytesPerSecond)); // last: where there is no room it is the first to go
  } else if (job.bytesDownloaded || job.fileSize) {
    parts.push(formats.size(job.fileSize ?? job.bytesDownloaded));
  }
  if (job.completedAt) parts.push(formats.when(job.completedAt));
  return parts.join(" · ");
}

/** Tracks that a row names as missing; the details have all of them. */
const NAMED = 3;

/**
 * Why a job failed or lacks something: in the reader's language, in the server's words, and what to do about it.
 * @param {Job} job
 * @param {Texts} texts
 * @returns {string[]} as far as they are known
 */
export function reasonOf(job, texts) {
  const sentence = job.error ?? (job.status === "queued" ? job.lastError : undefined);
  if (!sentence) return [];
  if (lookOf(job) === "partial" && job.failedTracks?.length) return [missingOf(job, texts), texts.say("advice.partial")];
  const advice = `advice.${job.failureCode}`;
  return [causeOf(job.failureCode, texts), sentence, texts.has(advice) ? texts.say(advice) : ""].filter(Boolean);
}

/** The same in one line, without what to do about it. @param {Job} job @param {Texts} texts */
export function briefOf(job, texts) {
  const reason = reasonOf(job, texts);
  return lookOf(job) === "partial" && job.failedTracks?.length ? reason[0] : reason.slice(0, 2).join(" · ");
}

/** Which tracks are missing. @param {Job} job @param {Texts} texts */
function missingOf(job, texts) {
  const titles = (job.failedTracks ?? []).map((track) => track.trackTitle || texts.say("title.track", { id: String(track.trackId) }));
  const more = Math.max(job.failedCount ?? 0, titles.length) - NAMED;
  const names = more > 0 ? [...titles.slice(0, NAMED), texts.say("reason.more", { count: more })] : titles;
  return texts.say("reason.missing", { names: texts.formats.list(names) });
}

/** What a code says in the reader's language; empty where there is none, or it is not known here. @param {string | undefined} code @param {Texts} texts */
export function causeOf(code, texts) {
  const key = `reason.${code}`;
  return texts.has(key) ? texts.say(key) : "";
}

/** Whether whoever looks may remove music from the library. @param {import("../server-queue.js").State} state */
export function mayRemoveFiles({ session }) {
  return session === null || session.scope === "control" || session.scope === "admin";
}

/** What can be done with a job, the likeliest first. @param {Job} job @returns {Action[]} */
export function actionsFor(job) {
  if (job.status === "failed" || job.status === "cancelled" || lookOf(job) === "partial") return ["retry", "remove"];
  if (job.status === "completed") return ["remove"];
  return [isHeld(job) ? "resume" : "pause", "cancel", "prioritize", "remove"];
}

/** Whether a job is paused, or will be as soon as it can. @param {Job} job */
export function isHeld(job) {
  return job.status === "paused" || job.pauseRequested === true;
}

/**
 * Which action takes another back; null: none does. What is tried again is not: it would have to fail again, or lack again
 * what it brings meanwhile.
 * @param {Action} action
 * @returns {Action | null}
 */
export function undoing(action) {
  if (action === "pause") return "resume";
  if (action === "resume") return "pause";
  if (action === "cancel") return "retry";
  return action === "prioritize" ? "prioritize" : null;
}

/** The colours of a placeholder, always the same for one name. @param {string} name @returns {number} a hue, degrees */
export function hueOf(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return sum;
}
