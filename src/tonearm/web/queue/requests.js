/**
 * Requests: one question to the server at a time, with a time limit, and its refusals as errors that can be told apart.
 */

/** How long a question may take, milliseconds. */
export const PATIENCE_MS = 15_000;

/** What the server refused, or why there was no answer. */
export class QueueError extends Error {
  /**
   * @param {string} message for people, in the server's words
   * @param {{code?: string, status?: number, field?: string | null, retryAfterMs?: number | null, body?: any}} [what]
   */
  constructor(message, what = {}) {
    super(message);
    this.name = "QueueError";
    /** The code of docs/reference/codes.md, or `UNREACHABLE` when nothing answered. */
    this.code = what.code ?? "UNREACHABLE";
    /** The HTTP status; 0 when nothing answered. */
    this.status = what.status ?? 0;
    /** The field that was wrong, when it was one. */
    this.field = what.field ?? null;
    /** When asking again makes sense, in milliseconds from now; null when the server did not say. */
    this.retryAfterMs = what.retryAfterMs ?? null;
    /** The whole answer, where it was JSON. */
    this.body = what.body ?? null;
  }
}

/**
 * The refusal that a response carries.
 * @param {Response} response
 * @returns {Promise<QueueError>}
 */
export async function refusalIn(response) {
  const body = await response.json().catch(() => null);
  const seconds = Number(response.headers.get("Retry-After"));
  return new QueueError(body?.error ?? `HTTP ${response.status}`, {
    code: body?.code ?? `HTTP_${response.status}`,
    status: response.status,
    field: body?.field ?? null,
    retryAfterMs: seconds > 0 ? seconds * 1000 : null,
    body,
  });
}

/** Asks the API under one address. */
export class Requests {
  /**
   * @param {URL} base where the queue is, with a slash at its end
   * @param {number} [patience] how long a question may take, milliseconds
   */
  constructor(base, patience = PATIENCE_MS) {
    this.base = base;
    this.#patience = patience;
  }

  #patience;

  /**
   * The whole address of a path below the queue.
   * @param {string} path
   * @param {Record<string, string | number | null | undefined>} [query] empty values are left out
   */
  url(path, query = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    return url;
  }

  /**
   * Ask once, and return the answer's JSON.
   * @param {string} method
   * @param {string} path below the queue
   * @param {{query?: Record<string, any>, body?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   * @throws {QueueError} refused, or not answered
   */
  async ask(method, path, { query, body, headers, signal } = {}) {
    const limit = AbortSignal.timeout(this.#patience);
    /** @type {RequestInit} */
    const request = {
      method,
      headers: { Accept: "application/json", ...headers },
      credentials: "same-origin",
      cache: "no-cache",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...request.headers, "Content-Type": "application/json" };
    }
    let response;
    try {
      response = await fetch(this.url(path, query), request);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new QueueError("The server does not answer");
    }
    if (!response.ok) throw await refusalIn(response);
    try {
      return await response.json();
    } catch {
      throw new QueueError("The server's answer broke off");
    }
  }
}
