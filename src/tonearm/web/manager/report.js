/**
 * A report: what is known of a job as plain text, to send to whoever can help.
 */

/**
 * @param {import("../server-queue.js").Job} job in its whole form
 * @param {import("./texts.js").Texts} texts
 */
export function reportOf(job, texts) {
  const { job: spec } = job;
  const lines = [
    `${job.id}: ${spec.type} ${spec.albumId ?? spec.trackId} ${spec.quality}`,
    [spec.artistName, spec.albumTitle, spec.trackTitle].filter(Boolean).join(" / "),
    `status ${job.status}${job.outcome ? ` (${job.outcome})` : ""}, progress ${texts.formats.percent(job.progress)}`,
    job.failureCode ? `code ${job.failureCode}: ${job.error ?? ""}` : "",
    `retries ${job.retryCount} of ${job.maxRetries}`,
    `added ${at(job.createdAt)}, started ${at(job.startedAt)}, finished ${at(job.completedAt)}`,
    ...(job.failedTracks ?? []).map((track) => `missing ${track.trackId} ${track.trackTitle}: ${track.code}, ${track.error}`),
    ...(job.history ?? []).map(({ at: time, event, attempt, code, message }) => {
      return [at(time), event, attempt === undefined ? "" : `attempt ${attempt}`, code, message].filter(Boolean).join(" ");
    }),
  ];
  return lines.filter(Boolean).join("\n");
}

/** @param {number | undefined} time */
function at(time) {
  return time === undefined ? "–" : new Date(time).toISOString();
}
