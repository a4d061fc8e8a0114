/**
 * A listing: the jobs of one view and one text, as far as they are known, and more of them as they are needed.
 *
 * The store keeps every job up to date that it has once heard of; a listing knows which pages of the server are still
 * to be asked for, so that ten thousand jobs cost nothing until somebody looks at them.
 */

import { VIEWS, countOf, finds, shows } from "./views.js";

/** @typedef {import("../server-queue.js").Job} Job */

const PAGE = 500;

/** One view with one text. */
export class Listing {
  /** @type {string | null} */
  #cursor = null;
  #part = 0;
  #loading = false;
  #all = false;
  #generation = -1;
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

  /** The jobs that are known, in order. @param {import("../server-queue.js").State} state */
  jobs(state) {
    if (this.#looked === state.jobs) return this.#found;
    const view = VIEWS[this.name];
    const text = this.text.toLowerCase();
    this.#looked = state.jobs;
    this.#found = view.looks || text ? state.jobs.filter((job) => shows(view, job) && finds(text, job)) : state.jobs;
    return this.#found;
  }

  /**
   * How many there are, known or not.
   * @param {import("../server-queue.js").State} state
   * @param {number} known
   * @param {number} incomplete
   */
  total(state, known, incomplete) {
    if (this.#all) return known;
    return this.text ? known + 1 : Math.max(known, countOf(this.name, state, incomplete));
  }

  /** Whether there may be jobs that are not known yet. */
  get open() {
    return !this.#all;
  }

  /**
   * Ask for the next page, unless one is under way. The store tells what came.
   * @param {number} generation of the state: when it moves, pages are asked for from the first
   */
  async more(generation) {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#part = 0;
      this.#cursor = null;
      this.#all = false;
    }
    if (this.#loading || this.#all) return;
    this.#loading = true;
    try {
      const { queries } = VIEWS[this.name];
      const query = { ...queries[this.#part], q: this.text, limit: PAGE, cursor: this.#cursor };
      const { nextCursor } = await this.queue.page(query);
      if (generation !== this.#generation) return;
      this.#cursor = nextCursor;
      if (nextCursor === null) this.#part += 1;
      this.#all = this.#part >= queries.length;
    } catch {
      this.#cursor = null; // the banner says that the server is away; the next look asks again
    } finally {
      this.#loading = false;
    }
  }
}
