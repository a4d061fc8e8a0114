/**
 * Order: how jobs stand in a list, by what their records say: running ones, waiting ones, then the latest finished.
 */

/** @typedef {import("../server-queue.js").Job} Job */

const RANKS = { processing: 0, queued: 1, paused: 2, completed: 3, failed: 3, cancelled: 3 };
const PRIORITIES = { high: 0, normal: 1, low: 2 };

/**
 * Which of two jobs stands first: a negative number if *a* does.
 * @param {Job} a
 * @param {Job} b
 */
export function byTurn(a, b) {
  const rank = RANKS[a.status] - RANKS[b.status];
  if (rank) return rank;
  if (RANKS[a.status] === 3) return (b.completedAt ?? 0) - (a.completedAt ?? 0) || byId(a, b);
  if (a.status === "processing") return (a.startedAt ?? 0) - (b.startedAt ?? 0) || byId(a, b);
  return PRIORITIES[a.priority] - PRIORITIES[b.priority] || a.createdAt - b.createdAt || byId(a, b);
}

/** @param {Job} a @param {Job} b */
function byId(a, b) {
  return a.id < b.id ? -1 : 1;
}
