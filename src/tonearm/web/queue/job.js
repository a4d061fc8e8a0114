/**
 * A job in the form of lists (docs/reference/http.md), and three marks of this store:
 * expected: an action is under way and this is how it will be; hidden: it is about to be gone;
 * moving: how far the tracks of an album are that are on their way, by their ids.
 * @typedef {{
 *   id: string, status: "queued" | "processing" | "paused" | "completed" | "failed" | "cancelled",
 *   job: {type: "track" | "album", quality: string, trackId?: number, albumId?: number,
 *         trackTitle?: string, albumTitle?: string, artistName?: string},
 *   jobType: "track" | "album", priority: "low" | "normal" | "high", progress: number, createdAt: number, startedAt?: number,
 *   completedAt?: number, lastUpdatedAt: number, nextRetryAt?: number, retryCount: number, maxRetries: number,
 *   bytesDownloaded: number, bytesTotal?: number, speedBytesPerSecond?: number, etaSeconds?: number, error?: string,
 *   lastError?: string, failureCode?: string, files: string[], warnings?: string[], client: string, fileSize?: number,
 *   cancellationRequested?: boolean, pauseRequested?: boolean, outcome?: "ok" | "partial", trackCount?: number,
 *   completedTracks?: number, fileCount?: number, failedCount?: number, downloadTimeMs?: number,
 *   failedTracks?: {trackId: number, trackTitle: string, error: string, code: string, attempts: number}[],
 *   trackProgress?: {trackId: number, trackTitle: string, status: string, progress: number, error?: string}[],
 *   history?: {at: number, event: string, attempt?: number, code?: string, message?: string, worker?: string}[],
 *   expected?: boolean, hidden?: boolean, moving?: Record<string, import("./records.js").Moved> }} Job
 */

export {};
