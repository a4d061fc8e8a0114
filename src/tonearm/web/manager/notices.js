/**
 * Notices: short words about what was done, with a way back where there is one, and the one live region of the page,
 * which tells changes of state to those who do not see them: what the banner begins and ceases to say, and what became of
 * jobs. It tells nothing about progress.
 */

import { button, h } from "./dom.js";
import { lookOf, titleOf } from "./looks.js";

/** How long a notice stays, seconds. */
const STAY = 8;
const SECOND_MS = 1_000;
const GATHER_MS = 700;
const MOST = 3;

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {"completed" | "partial" | "failed"} End
 * @typedef {import("./banner.js").Matter} Matter
 */

/** What is said when something is the matter no more. @type {Partial<Record<Matter, import("./texts.js").Key>>} */
const OVER = {
  "banner.away": "live.back",
  "banner.store": "live.back.queue",
  "banner.standIn": "live.back.queue",
  "banner.warning": "health.ok",
  "banner.worker": "live.back.downloads",
  "banner.paused": "live.back.downloads",
  "banner.holding.catalog": "live.back.downloads",
  "banner.holding.disk": "live.back.downloads",
  "banner.holding.other": "live.back.downloads",
};

/** What is said, and to whom. */
export class Notices {
  /** @type {Map<End, {count: number, title: string}>} how many ended so, and what the first is called */
  #ends = new Map();
  /** @type {Matter} what the banner said last */
  #matter = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @type {HTMLElement | null} where the keyboard was before it came to the notices */
  #came = null;

  /**
   * @param {import("./texts.js").Texts} texts
   * @param {() => void} lost where the keyboard goes when a notice with it goes, and what it came from is no more
   */
  constructor(texts, lost) {
    this.#texts = texts;
    this.#lost = lost;
    this.#live = h("div", { class: "unseen", "aria-live": "polite", role: "status" });
    this.#stack = h("div", { class: "notices" });
    this.#stack.addEventListener("focusin", ({ relatedTarget }) => {
      const from = /** @type {HTMLElement | null} */ (relatedTarget);
      if (from && !this.#stack.contains(from)) this.#came = from;
    });
    this.element = h("div", {}, this.#live, this.#stack);
  }

  #texts;
  #lost;
  #live;
  #stack;

  /** Say something that goes away by itself. @param {string} text @param {{undo?: () => void, trouble?: boolean}} [options] */
  show(text, { undo, trouble } = {}) {
    const notice = h("div", { class: trouble ? "notice trouble" : "notice" }, h("span", {}, text));
    if (undo) {
      notice.append(
        button("retry", this.#texts.say("action.undo"), () => {
          this.#drop(notice);
          undo();
        }),
      );
    }
    notice.append(button("cancel", this.#texts.say("action.close"), () => this.#drop(notice), { quiet: true }));
    this.#stack.append(notice);
    const notices = [...this.#stack.children];
    if (notices.length > MOST) notices.find((each) => !each.matches(":focus-within"))?.remove();
    this.#age(notice);
    this.#speak(text);
  }

  /** Tell what the banner says, once; and when that is over. @param {{matter: Matter, words: string}} said */
  tell({ matter, words }) {
    if (matter === this.#matter) return;
    const over = matter === "" && OVER[this.#matter];
    this.#matter = matter;
    if (over) this.#speak(this.#texts.say(over));
    else if (words && matter !== "banner.connecting") this.#speak(words);
  }

  /** @param {string} text said again also where it is the same as before */
  #speak(text) {
    this.#live.replaceChildren(h("span", {}, text));
  }

  /** Let it go after a while; who is at it or does not see it has longer. @param {HTMLElement} notice */
  #age(notice) {
    let left = STAY;
    const tick = setInterval(() => {
      left = document.hidden || notice.matches(":hover, :focus-within") ? STAY : left - 1;
      if (left === 0) this.#drop(notice);
      if (!notice.isConnected) clearInterval(tick);
    }, SECOND_MS);
  }

  /** Take it away; the keyboard goes to the next one, or to where it came from. @param {HTMLElement} notice */
  #drop(notice) {
    const held = notice.matches(":focus-within");
    const next = notice.nextElementSibling ?? notice.previousElementSibling;
    notice.remove();
    if (!held) return;
    /** @type {HTMLElement | null} */
    const place = next ? next.querySelector(".quiet") : this.#came;
    place?.focus();
    if (!place?.matches(":focus")) this.#lost();
  }

  /** Tell what became of jobs since the last time. @param {import("../server-queue.js").State} state */
  follow(state) {
    for (const { before, job } of state.changes) if (before && job) this.#compare(before, job);
    if (this.#ends.size) this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  /** @param {Job} before @param {Job} job */
  #compare(before, job) {
    const look = lookOf(job);
    if (look === lookOf(before) || (look !== "completed" && look !== "partial" && look !== "failed")) return;
    const { count, title } = this.#ends.get(look) ?? { count: 0, title: titleOf(job, this.#texts) };
    this.#ends.set(look, { count: count + 1, title });
  }

  #tell() {
    this.#timer = undefined;
    const words = [...this.#ends].map(([look, { count, title }]) => this.#texts.say(`live.${look}`, { count, title }));
    this.#ends.clear();
    this.#speak(words.join(". "));
  }
}
