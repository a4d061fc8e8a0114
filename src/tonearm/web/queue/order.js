/**
 * Order: how jobs stand in a list, by what their records say: running ones, waiting ones, then the latest finished. Those
 * that it does not tell apart stay as the server listed them.
 */

/** @typedef {import("../server-queue.js").Job} Job */

const RANKS = { processing: 0, queued: 1, paused: 2, completed: 3, failed: 3, cancelled: 3 };
const PRIORITIES = { high: 0, normal: 1, low: 2 };

/**
 * Which of two jobs stands first: a negative number if *a* does, 0 if their records do not tell.
 * @param {Job} a
 * @param {Job} b
 */
export function byTurn(a, b) {
  const rank = RANKS[a.status] - RANKS[b.status];
  if (rank) return rank;
  if (RANKS[a.status] === 3) return (b.completedAt ?? 0) - (a.completedAt ?? 0);
  if (a.status === "processing") return (a.startedAt ?? 0) - (b.startedAt ?? 0);
  return PRIORITIES[a.priority] - PRIORITIES[b.priority] || a.createdAt - b.createdAt;
}
