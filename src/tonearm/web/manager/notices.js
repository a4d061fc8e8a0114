/**
 * Notices: short words about what was done, with a way back where there is one, and the one live region of the page,
 * which tells changes of state to those who do not see them. It tells nothing about progress.
 */

import { button, h, say } from "./dom.js";
import { lookOf, titleOf } from "./looks.js";

const STAY_MS = 8_000;
const GATHER_MS = 700;
const MOST = 3;

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {"completed" | "partial" | "failed"} End
 */

/** What is said, and to whom. */
export class Notices {
  /** @type {Map<End, {count: number, title: string}>} how many ended so, and what the first is called */
  #ends = new Map();
  #mode = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./texts.js").Texts} texts */
  constructor(texts) {
    this.#texts = texts;
    this.#live = h("div", { class: "unseen", "aria-live": "polite", role: "status" });
    this.#stack = h("div", { class: "notices" });
    this.element = h("div", {}, this.#live, this.#stack);
  }

  #texts;
  #live;
  #stack;

  /** Say something that goes away by itself. @param {string} text @param {{undo?: () => void, trouble?: boolean}} [options] */
  show(text, { undo, trouble } = {}) {
    const notice = h("div", { class: trouble ? "notice trouble" : "notice" }, h("span", {}, text));
    const end = () => notice.remove();
    if (undo) {
      notice.append(
        button("retry", this.#texts.say("action.undo"), () => {
          end();
          undo();
        }),
      );
    }
    notice.append(button("cancel", this.#texts.say("action.close"), end, { quiet: true }));
    this.#stack.append(notice);
    while (this.#stack.children.length > MOST) this.#stack.firstElementChild?.remove();
    setTimeout(end, STAY_MS);
    say(this.#live, text);
  }

  /** Tell what became of jobs since the last time. @param {import("../server-queue.js").State} state */
  follow(state) {
    const mode = state.connection.mode;
    if (mode === "away" && this.#mode !== "away" && this.#mode !== "") say(this.#live, this.#texts.say("live.away"));
    if (mode !== "away" && this.#mode === "away") say(this.#live, this.#texts.say("live.back"));
    this.#mode = mode;
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
    say(this.#live, words.join(". "));
  }
}
