/**
 * The list: as many rows as can be seen, wherever the reader has scrolled to, for any number of jobs.
 *
 * It is a grid with one row at a time in the order of the Tab key, and the keyboard at the row's title: arrows move
 * between rows, Space chooses, Enter opens.
 * The element that scrolls is the whole manager, so that on a small screen everything moves together.
 */

import { h, set } from "./dom.js";
import { JobRow } from "./job-row.js";
import { isHeld } from "./looks.js";
import { Selection } from "./selection.js";

/** Rows beyond both ends of what is seen, so that scrolling finds them drawn. */
const MARGIN = 6;

/** The keys that act on rows; what they do stands in docs/reference/page.md. */
const ACTION_KEYS = new Map([["Delete", "remove"], ["c", "cancel"], ["r", "retry"]]);

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {Omit<import("./job-row.js").RowContext, "pick"> & {changed: () => void, wanted: () => void}} ListContext
 */

/** The rows, drawn as they come into sight. */
export class JobList {
  /** @type {readonly Job[]} */
  #jobs = [];
  #total = 0;
  #settled = true;
  /** where the keyboard's row stood when its job was known last */
  #at = 0;
  /** @type {Map<string, JobRow>} rows by job, and by place where the job is not known */
  #rows = new Map();
  #asked = false;
  selection = new Selection();
  /** @type {string | null} the job whose details are open */
  opened = null;

  /**
   * @param {HTMLElement} scroller
   * @param {ListContext} context
   */
  constructor(scroller, context) {
    this.#scroller = scroller;
    this.#context = { ...context, pick: (/** @type {Job} */ job, /** @type {MouseEvent} */ event) => this.#pick(job, event) };
    this.element = h("div", {
      class: "list",
      role: "grid",
      "aria-multiselectable": "true",
      "aria-label": context.texts.say("list.label"),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event),
      onkeyup: (/** @type {KeyboardEvent} */ event) => event.key === " " && isTitle(event) && event.preventDefault(), // chosen, not opened
      onclick: (/** @type {MouseEvent} */ event) => this.#clicked(event),
      onfocusin: (/** @type {FocusEvent} */ event) => this.#entered(event),
    });
    scroller.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(scroller);
  }

  #scroller;
  #context;

  /**
   * Show these.
   * @param {readonly Job[]} jobs
   * @param {number} total with those that are not known
   * @param {boolean} settled whether a job that is missing is gone; else it may be known again soon
   */
  update(jobs, total, settled) {
    if (this.#jobs !== jobs || this.#total !== total || this.#settled !== settled) this.#keep(jobs, total, settled);
    this.#jobs = jobs;
    this.#total = total;
    this.#settled = settled;
    this.#draw();
  }

  /**
   * What is gone is chosen no more, and the keyboard goes to what took its place.
   * @param {readonly Job[]} jobs
   * @param {number} total
   * @param {boolean} settled
   */
  #keep(jobs, total, settled) {
    const known = new Set(jobs.map((job) => job.id));
    if (settled) this.selection.keep((id) => known.has(id));
    const { current } = this.selection;
    const place = this.#jobs.findIndex((job) => job.id === current);
    if (place >= 0) this.#at = place;
    if (current !== null && (known.has(current) || !settled)) return;
    const at = Math.min(this.#at, total - 1);
    this.selection.current = at < 0 ? null : (jobs[at]?.id ?? `#${at}`);
  }

  /** Where the keyboard's row stands, also while its job is not known, yet or again; -1: nowhere. */
  #spot() {
    const { current } = this.selection;
    const place = this.#jobs.findIndex((job) => job.id === current);
    if (place >= 0 || current === null || this.#jobs.length >= this.#total) return place;
    return Math.min(Math.max(this.#at, this.#jobs.length), this.#total - 1);
  }

  #soon() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #height() {
    return Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--row-height")) || 64;
  }

  #draw() {
    const held = this.#focused();
    this.#lay();
    if (held && !this.#here()?.element.contains(this.#active())) this.#here()?.focus();
  }

  /** The row that the keyboard is at, where it is drawn. */
  #here() {
    return this.#rows.get(this.selection.current ?? "");
  }

  #active() {
    return /** @type {ShadowRoot} */ (this.element.getRootNode()).activeElement;
  }

  /** Draw the rows that are in sight. What had the keyboard may go with its row. */
  #lay() {
    const height = this.#height();
    this.element.style.height = `${this.#total * height}px`;
    set(this.element, "aria-rowcount", this.#total);
    const above = this.#scroller.getBoundingClientRect().top - this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / height) - MARGIN);
    const last = Math.min(this.#total, Math.ceil((above + this.#scroller.clientHeight) / height) + MARGIN);
    const spot = this.#spot();
    const places = new Map();
    for (let place = first; place < last; place += 1) {
      places.set(this.#jobs[place]?.id ?? (place === spot ? this.selection.current : `#${place}`), place);
    }
    if (spot >= 0 && this.#focused()) places.set(this.selection.current, spot); // the keyboard's row stays, seen or not
    const spare = [...this.#rows].filter(([key]) => !places.has(key));
    for (const [key, place] of places) this.#place(key, place, height, spare);
    for (const [key, row] of spare) {
      this.#rows.delete(key);
      row.element.remove();
    }
    this.#order([...places].sort(([, a], [, b]) => a - b).map(([key]) => /** @type {JobRow} */ (this.#rows.get(key)).element));
    if (last > this.#jobs.length - MARGIN && this.#jobs.length < this.#total) this.#context.wanted();
  }

  /**
   * Let the rows stand in the document as they are seen: those who are read to hear them so, and on paper they follow each
   * other. The one that has the keyboard is not moved, since it would lose it; where the list is scrolled, only the rows that
   * are filled again are.
   * @param {HTMLElement[]} rows in order; those that were filled again are not in the document
   */
  #order(rows) {
    const active = this.#active();
    let still = rows.findIndex((row) => row.contains(active));
    if (still < 0) still = rows.findIndex((row) => row.parentNode);
    if (still < 0 && rows.length) this.element.append(rows[(still = 0)]);
    for (let place = still - 1; place >= 0; place -= 1) {
      if (rows[place].nextElementSibling !== rows[place + 1]) rows[place + 1].before(rows[place]);
    }
    for (let place = still + 1; place < rows.length; place += 1) {
      if (rows[place].previousElementSibling !== rows[place - 1]) rows[place - 1].after(rows[place]);
    }
  }

  /** @param {string} key @param {number} place @param {number} height @param {[string, JobRow][]} spare rows to fill again */
  #place(key, place, height, spare) {
    let row = this.#rows.get(key);
    if (!row) {
      const [old, reused] = spare.pop() ?? [null, new JobRow(this.#context)];
      if (old !== null) this.#rows.delete(old);
      row = reused;
      row.element.remove();
      this.#rows.set(key, row);
    }
    row.update(this.#jobs[place] ?? null, {
      place,
      selected: this.selection.has(key),
      current: key === this.selection.current,
      opened: key === this.opened,
      top: place * height,
    });
  }

  #focused() {
    return this.element.contains(this.#active());
  }

  /** Put the keyboard at a row, which is asked for if its job is not known. @param {number} place @param {number} [rows] that there are */
  #go(place, rows = this.#total) {
    if (rows === 0) return;
    const at = (this.#at = Math.max(0, Math.min(rows - 1, place)));
    this.selection.current = this.#jobs[at]?.id ?? `#${at}`;
    const height = this.#height();
    const top = this.element.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top + at * height;
    if (top < height) this.#scroller.scrollBy(0, top - height);
    else if (top + 2 * height > this.#scroller.clientHeight) this.#scroller.scrollBy(0, top + 2 * height - this.#scroller.clientHeight);
    this.#draw();
    this.#here()?.focus();
  }

  /** Put the keyboard where it was, or at the first row. */
  focus() {
    this.#go(this.#spot());
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const place = this.#spot();
    const screen = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#height()) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity };
    const onRow = isTitle(event) || /** @type {HTMLElement} */ (event.target).matches(".box input");
    if (event.key in steps) {
      const rows = event.shiftKey ? this.#jobs.length : this.#total; // what is not known cannot be chosen
      this.#go(place + steps[/** @type {keyof steps} */ (event.key)], rows);
      if (event.shiftKey && this.selection.current) this.selection.extend(this.selection.current, this.#jobs);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      this.selection.all(this.#jobs);
    } else if (event.key === "Escape" && this.selection.size) {
      this.selection.clear();
    } else if (!onRow || event.ctrlKey || event.metaKey || event.altKey || !this.#do(event.key, this.#jobs[place])) {
      return;
    }
    event.preventDefault();
    this.#draw();
    this.#context.changed();
  }

  /** What a key does to a row. @param {string} key @param {Job | undefined} job @returns {boolean} whether it does anything */
  #do(key, job) {
    if (!job) return false;
    const jobs = this.selection.size ? this.selection.of(this.#jobs) : [job];
    const action = ACTION_KEYS.get(key);
    if (key === " ") this.selection.toggle(job.id);
    else if (key === "Enter") this.#context.open(job);
    else if (key === "p") this.#context.act(jobs, isHeld(job) ? "resume" : "pause");
    else if (action) this.#context.act(jobs, /** @type {import("./looks.js").Action} */ (action));
    else return false;
    return true;
  }

  /** The keyboard is at the row that it was put in, whichever way: what it acts on next is that one. @param {FocusEvent} event */
  #entered(event) {
    const [key, row] = this.#rowOf(event) ?? [];
    if (key === undefined || row === undefined || key === this.selection.current) return;
    this.selection.current = key;
    this.#at = row.place;
    this.#soon();
  }

  /** The row that an event is in, and its key. @param {Event} event */
  #rowOf(event) {
    const element = /** @type {HTMLElement} */ (event.target).closest(".row");
    return [...this.#rows].find(([, row]) => row.element === element);
  }

  /** A click beside the controls of a row. @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("button, input, label")) return;
    const job = this.#rowOf(event)?.[1].job;
    if (!job) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      this.#pick(job, event);
    } else {
      this.selection.current = job.id;
      this.#draw();
      this.#context.open(job);
    }
  }

  /** @param {Job} job @param {MouseEvent} event */
  #pick(job, event) {
    if (event.shiftKey) this.selection.extend(job.id, this.#jobs);
    else this.selection.toggle(job.id);
    this.#draw();
    this.#context.changed();
  }
}

/** Whether a key was pressed at the title of a row. @param {KeyboardEvent} event */
function isTitle(event) {
  return /** @type {HTMLElement} */ (event.target).matches(".title");
}
