/**
 * A row of the list: one job in one line (two on a narrow screen). Made once and filled again for another job.
 */

import { makeCover } from "./cover.js";
import { button, h, icon, say, set } from "./dom.js";
import { LOOK_ICONS, actionsFor, briefOf, figuresOf, lookOf, stateOf, subtitleOf, titleOf } from "./looks.js";

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts,
 *   now: () => number, act: (jobs: Job[], action: import("./looks.js").Action) => void,
 *   open: (job: Job) => void, pick: (job: Job, event: MouseEvent) => void}} RowContext
 */

/** The actions that a row shows itself; the others are in the details. */
const SHOWN = new Set(["pause", "resume", "cancel", "retry", "remove"]);

let number = 0;

/** One row. Its title is what has the keyboard: it is what Enter presses, and the state and the artist are told with it. */
export class JobRow {
  /** @type {Job | null | undefined} undefined: nothing was shown yet */
  job;
  place = -1;
  #mark = "";

  /** @param {RowContext} context */
  constructor(context) {
    const { texts } = context;
    const id = `row-${(number += 1)}`;
    this.#context = context;
    this.#cover = makeCover(context.queue, texts);
    this.#box = h("input", { type: "checkbox", tabindex: -1, onclick: (/** @type {MouseEvent} */ event) => this.#picked(event) });
    this.#title = h("button", { type: "button", class: "title", tabindex: -1, "aria-describedby": `${id}-state ${id}-subtitle`, onclick: () => this.job && context.open(this.job) });
    this.#subtitle = h("span", { class: "subtitle", id: `${id}-subtitle` });
    this.#state = h("span", { class: "state", id: `${id}-state` });
    this.#stateIcon = h("span", { class: "state-icon" });
    this.#figures = h("span", { class: "figures" });
    this.#bar = h("progress", { max: 1 });
    this.#actions = h("span", { class: "actions", role: "gridcell", "data-needs": "submit" });
    this.element = h(
      "div",
      { class: "row", role: "row" },
      h("span", { class: "box", role: "gridcell" }, h("label", {}, this.#box)),
      h("span", { class: "about", role: "gridcell" }, this.#cover.element, h("span", { class: "names" }, this.#title, this.#subtitle)),
      h("span", { class: "progress", role: "gridcell" }, h("span", { class: "words" }, this.#stateIcon, this.#state, this.#figures), this.#bar),
      this.#actions,
    );
  }

  #context;
  #cover;
  #box;
  #title;
  #subtitle;
  #state;
  #stateIcon;
  #figures;
  #bar;
  #actions;

  /**
   * Show a job; null: one that is not known yet.
   * @param {Job | null} job
   * @param {{place: number, selected: boolean, current: boolean, opened: boolean, top: number}} at
   */
  update(job, { place, selected, current, opened, top }) {
    this.place = place;
    this.element.style.transform = `translateY(${top}px)`;
    set(this.element, "aria-rowindex", place + 1);
    set(this.element, "aria-selected", selected ? "true" : "false");
    set(this.element, "aria-current", opened ? "true" : null);
    this.#box.checked = selected;
    for (const control of this.element.querySelectorAll("button, input")) set(control, "tabindex", current ? 0 : -1);
    if (job === this.job && !job?.nextRetryAt) return;
    this.job = job;
    if (job) this.#fill(job);
    else this.#clear();
  }

  /** @param {Job} job */
  #fill(job) {
    const { texts, now } = this.#context;
    const title = titleOf(job, texts);
    const look = lookOf(job);
    this.element.dataset.look = look;
    this.element.toggleAttribute("data-expected", job.expected ?? false);
    this.#cover.update(job);
    say(this.#title, title);
    this.#title.title = title;
    say(this.#subtitle, briefOf(job, texts) || subtitleOf(job, texts));
    say(this.#state, stateOf(job, texts, now()));
    say(this.#figures, figuresOf(job, texts));
    set(this.#box, "aria-label", texts.say("list.select", { title }));
    const bar = look === "processing" || (look === "paused" && job.progress > 0) || look === "partial";
    this.#bar.hidden = !bar;
    this.#bar.value = look === "partial" ? (job.completedTracks ?? 0) / (job.trackCount || 1) : job.progress;
    set(this.#bar, "aria-label", texts.say("row.progress", { title }));
    this.#offer(job, title, look);
  }

  /** @param {Job} job @param {string} title @param {import("./looks.js").Look} look */
  #offer(job, title, look) {
    const { texts, act } = this.#context;
    const mark = [job.id, look, job.pauseRequested, title].join();
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.#stateIcon.replaceChildren(icon(LOOK_ICONS[look]));
    const buttons = actionsFor(job)
      .filter((action) => SHOWN.has(action))
      .slice(0, 2)
      .map((action) => {
        const words = texts.say(action === "retry" && look === "partial" ? "action.retryMissing" : `action.${action}`);
        const symbol = action === "prioritize" ? "up" : action === "resume" ? "play" : action;
        const pressed = () => this.job && act([this.job], action);
        const made = button(symbol, words, pressed, { quiet: !(action === "retry" && look === "partial") });
        made.setAttribute("aria-label", `${words}: ${title}`);
        return made;
      });
    for (const each of buttons) each.tabIndex = this.#title.tabIndex;
    this.#actions.replaceChildren(...buttons);
  }

  /** Put the keyboard at it. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  #clear() {
    this.#mark = "";
    this.element.dataset.look = "unknown";
    const words = this.#context.texts.say("list.loading");
    say(this.#title, words);
    set(this.#box, "aria-label", words);
    for (const part of [this.#subtitle, this.#state, this.#figures]) say(part, "");
    this.#bar.hidden = true;
    this.#stateIcon.replaceChildren();
    this.#actions.replaceChildren();
  }

  /** @param {MouseEvent} event */
  #picked(event) {
    event.stopPropagation();
    if (this.job) this.#context.pick(this.job, event);
  }
}
