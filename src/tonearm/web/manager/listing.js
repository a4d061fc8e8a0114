/**
 * A listing: the jobs of one view and one text, as far as they are known, and more of them as they are needed.
 *
 * The store keeps every job up to date that it has once heard of; a listing knows which pages of the server are still
 * to be asked for, so that ten thousand jobs cost nothing until somebody looks at them.
 */

import { VIEWS, countOf, finds, shows } from "./views.js";

/** @typedef {import("../server-queue.js").Job} Job */

/** @typedef {import("../server-queue.js").State} State */

const PAGE = 500;

/** After a page that did not come the next attempt waits so long, milliseconds. */
const REST_MS = 5_000;

/** One view with one text. */
export class Listing {
  /** @type {string | null} */
  #cursor = null;
  #part = 0;
  #loading = false;
  #all = false;
  #generation = -1;
  /** the generation of the state that was looked at last */
  #seen = -1;
  /** how many were known before the store began anew, until so many are back or there are no more; 0: none is missed */
  #lost = 0;
  #restsUntil = 0;
  /** @type {readonly Job[] | null} those of the state that *found* was taken from */
  #looked = null;
  /** @type {readonly Job[]} */
  #found = [];

  /**
   * @param {import("../server-queue.js").ServerQueue} queue
   * @param {import("./views.js").ViewName} name
   * @param {string} text
   */
  constructor(queue, name, text) {
    this.queue = queue;
    this.name = name;
    this.text = text.trim();
  }

  /** The jobs that are known, in order. @param {State} state */
  jobs(state) {
    if (this.#looked === state.jobs) return this.#found;
    const view = VIEWS[this.name];
    const text = this.text.toLowerCase();
    if (state.generation !== this.#seen) this.#lost = Math.max(this.#lost, this.#found.length);
    this.#seen = state.generation;
    this.#looked = state.jobs;
    this.#found = view.looks || text ? state.jobs.filter((job) => shows(view, job) && finds(text, job)) : state.jobs;
    if (this.#found.length >= this.#lost) this.#lost = 0;
    return this.#found;
  }

  /**
   * How many there are, known or not.
   * @param {State} state
   * @param {number} known
   * @param {number} incomplete
   */
  total(state, known, incomplete) {
    if (!this.open(state)) return known;
    return this.text ? known + 1 : Math.max(known, countOf(this.name, state, incomplete));
  }

  /** Whether there may be jobs that are not known yet. @param {State} state */
  open(state) {
    return !this.#all || state.generation !== this.#generation;
  }

  /** Whether all are back that were known before the store began anew: until then a job that is missing may not be gone. */
  get settled() {
    return this.#lost === 0;
  }

  /** Ask for what is on show and was not told: the first page, and those that were known before the store began anew. @param {State} state */
  follow(state) {
    const told = this.name === "all" && this.text === ""; // its first page is what the store begins with
    if (!this.settled || (!told && state.generation !== this.#generation)) this.more(state);
  }

  /**
   * Ask for the next page, unless one is under way or nobody would answer. The store tells what came.
   * @param {State} state when its generation moves, pages are asked for from the first
   */
  async more({ generation, connection }) {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#part = 0;
      this.#cursor = null;
      this.#all = false;
      this.#restsUntil = 0;
    }
    const answered = connection.mode === "live" || connection.mode === "polling";
    if (this.#loading || this.#all || !answered || performance.now() < this.#restsUntil) return;
    this.#loading = true;
    try {
      const { queries } = VIEWS[this.name];
      const query = { ...queries[this.#part], q: this.text, limit: PAGE, cursor: this.#cursor };
      const { nextCursor } = await this.queue.page(query);
      const last = nextCursor === null && this.#part + 1 >= queries.length;
      if (last) await told(this.queue); // what this page brought
      if (generation !== this.#generation) return;
      this.#cursor = nextCursor;
      if (nextCursor === null) this.#part += 1;
      this.#all = last;
      if (last) this.#lost = 0;
    } catch {
      this.#cursor = null; // the banner says that the server is away
      this.#restsUntil = performance.now() + REST_MS;
    } finally {
      this.#loading = false;
    }
  }
}

/** Wait until the store's subscribers are told what it knows now. @param {import("../server-queue.js").ServerQueue} queue @returns {Promise<void>} */
function told(queue) {
  return new Promise((resolve) => {
    let calls = 0;
    const stop = queue.subscribe(() => {
      if ((calls += 1) < 2) return; // the first is the state as it was told last
      stop();
      resolve();
    });
  });
}
