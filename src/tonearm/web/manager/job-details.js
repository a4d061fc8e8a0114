/**
 * The details of one job: everything that is known of it, its tracks, its files and its history, and all that can be done.
 *
 * It follows the list's record and asks for the whole one when that changes, at most once a second. Of the two it shows
 * the newer. Where the list does not know the job, the server is asked again and again, of one that moves more often.
 */

import { QueueError } from "../server-queue.js";
import { makeCover } from "./cover.js";
import { button, h, icon, say, set } from "./dom.js";
import { LOOK_ICONS, actionsFor, causeOf, figuresOf, lookOf, qualityOf, reasonOf, stateOf, subtitleOf, titleOf } from "./looks.js";
import { refusalOf } from "./refusals.js";
import { reportOf } from "./report.js";
import { makeTrackLine } from "./track-line.js";

const CALM_MS = 1_000;

/** When a question that failed is asked again, and one about a job that the list does not know and that rests, milliseconds. */
const AGAIN_MS = 3_000;
const SELDOM_MS = 10_000;
const PRIORITIES = /** @type {const} */ (["high", "normal", "low"]);

/**
 * @typedef {import("../server-queue.js").Job} Job
 * @typedef {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts, now: () => number,
 *   act: (jobs: Job[], action: import("./looks.js").Action, extra?: {priority?: Job["priority"]}) => void,
 *   said: (text: string, options?: {trouble?: boolean}) => void, closed: () => void}} DetailsContext
 */

/** The panel. */
export class JobDetails {
  /** @type {Job | null} the newest record of the list, or the whole one */
  #job = null;
  /** @type {Job | null} */
  #whole = null;
  #askedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {string | null} where the next tracks begin, beyond those in the record */
  #moreTracks = null;
  #ended = false;
  /** @type {import("./track-line.js").Track[]} tracks beyond those in the record, as they were asked for */
  #further = [];
  /** @type {Map<string, ReturnType<typeof makeTrackLine>>} the lines of tracks, by id */
  #lines = new Map();
  #mark = "";
  #lost = false;
  #listed = true;

  /** @param {DetailsContext} context */
  constructor(context) {
    const { texts } = context;
    this.#context = context;
    this.#cover = makeCover(context.queue, texts);
    this.#title = h("h2", { tabindex: -1 });
    this.#subtitle = h("p", { class: "subtitle" });
    this.#state = h("p", { class: "words" });
    this.#bar = h("progress", { max: 1 });
    this.#reason = h("div", { class: "reason" });
    this.#actions = h("div", { class: "choices" });
    this.#byHand = h("div", { class: "by-hand" });
    this.#facts = h("dl", {});
    this.#lists = h("div", { class: "lists" });
    this.element = h(
      "aside",
      { class: "details", hidden: true, "aria-label": texts.say("details.title") },
      h("header", {}, button("back", texts.say("action.close"), () => this.close(), { quiet: true, class: "close" }), this.#cover.element, h("div", { class: "names" }, this.#title, this.#subtitle)),
      this.#state,
      this.#bar,
      this.#reason,
      this.#actions,
      this.#byHand,
      this.#lists,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  #context;
  #cover;
  #title;
  #subtitle;
  #state;
  #bar;
  #reason;
  #actions;
  #byHand;
  #facts;
  #lists;

  /** The job that is shown; null: none. */
  get id() {
    return this.#job?.id ?? null;
  }

  /** @param {Job} job */
  open(job) {
    this.#job = job;
    this.#whole = null;
    this.#moreTracks = null;
    this.#further = [];
    this.#ended = false;
    this.#lines.clear();
    this.#mark = "";
    this.#askedAt = 0;
    this.#lost = false;
    this.#listed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.element.hidden = false;
    this.element.scrollTop = 0;
    this.#lists.replaceChildren(this.#facts);
    this.#byHand.replaceChildren();
    this.#draw(job);
    this.#ask();
    this.#title.focus();
  }

  close() {
    if (!this.#job) return;
    this.#job = null;
    this.element.hidden = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#context.closed();
  }

  /** Follow the list's record; null: the list does not know it now, and the server is asked. @param {Job | null} job */
  update(job) {
    if (!this.#job || this.#lost) return;
    const moved = !job || job.lastUpdatedAt !== this.#job.lastUpdatedAt || job.progress !== this.#job.progress;
    if (job) {
      this.#draw((this.#job = this.#newer(job)));
      this.#move(job);
    }
    this.#listed = job !== null;
    const rests = !job && this.#whole !== null && this.#whole.status !== "processing";
    if (moved) this.#again(this.#askedAt + (rests ? SELDOM_MS : CALM_MS) - Date.now());
  }

  /** The newer of the list's record and the whole one. @param {Job} job */
  #newer(job) {
    return this.#whole && this.#whole.lastUpdatedAt > job.lastUpdatedAt ? this.#whole : job;
  }

  /** @param {number} milliseconds from now; a question that is to be asked already stays */
  #again(milliseconds) {
    this.#timer ??= setTimeout(() => this.#ask(), Math.max(0, milliseconds));
  }

  async #ask() {
    this.#timer = undefined;
    const id = this.#job?.id;
    if (!id) return;
    const { mode } = this.#context.queue.state.connection;
    if (mode === "away" || mode === "locked") return this.#again(CALM_MS);
    this.#askedAt = Date.now();
    try {
      const whole = await this.#context.queue.job(id);
      if (this.#job?.id === id && !this.#lost) this.#take(whole);
    } catch (error) {
      if (this.#job?.id !== id) return;
      if (error instanceof QueueError && error.code === "NOT_FOUND") this.#gone();
      else this.#again(AGAIN_MS);
    }
  }

  /** @param {Job} whole */
  #take(whole) {
    if (this.#whole && this.#whole.lastUpdatedAt > whole.lastUpdatedAt) return;
    this.#whole = whole;
    const job = /** @type {Job} */ (this.#job);
    this.#draw((this.#job = this.#listed ? this.#newer(job) : whole));
    this.#drawLists(whole);
  }

  /** What was known of it stays to be read, and nothing can be done with it any more. */
  #gone() {
    this.#lost = true;
    say(this.#state, this.#context.texts.say("details.gone"));
    this.#keepingFocus(() => this.#actions.replaceChildren());
    this.#mark = "";
    this.#bar.hidden = true;
  }

  /** @param {Job} job */
  #draw(job) {
    const { texts, now } = this.#context;
    const look = lookOf(job);
    this.element.dataset.look = look;
    this.#cover.update(job);
    say(this.#title, titleOf(job, texts));
    say(this.#subtitle, subtitleOf(job, texts));
    const words = [stateOf(job, texts, now()), figuresOf(job, texts)].filter(Boolean).join(" · ");
    if (this.#state.textContent !== words) this.#state.replaceChildren(icon(LOOK_ICONS[look]), words);
    this.#bar.hidden = look !== "processing";
    this.#bar.value = job.progress;
    set(this.#bar, "aria-label", texts.say("row.progress", { title: titleOf(job, texts) }));
    const reason = reasonOf(job, texts);
    if (this.#reason.textContent !== reason.join("")) this.#reason.replaceChildren(...reason.map((text) => h("p", {}, text)));
    this.#reason.hidden = reason.length === 0;
    this.#offer(job, look);
    this.#drawFacts(job);
  }

  /** @param {Job} job @param {import("./looks.js").Look} look */
  #offer(job, look) {
    const mark = [job.id, look, job.pauseRequested, job.priority, job.files.length > 0].join();
    if (mark === this.#mark) return;
    this.#mark = mark;
    const { texts, act, queue } = this.#context;
    /** @type {HTMLElement[]} */
    const offered = [];
    for (const action of actionsFor(job)) {
      if (action === "prioritize") {
        offered.push(this.#priorities(job));
      } else {
        const words = texts.say(action === "retry" && look === "partial" ? "action.retryMissing" : `action.${action}`);
        const symbol = action === "resume" ? "play" : action;
        const made = button(symbol, words, () => this.#job && act([this.#job], action), { needs: "submit", class: action === "retry" ? "primary" : "" });
        made.dataset.action = action;
        offered.push(made);
      }
    }
    if ((look === "completed" || look === "partial") && job.files.length) {
      offered.push(h("a", { class: "button", "data-action": "save", href: queue.archiveUrl(job.id), download: true }, icon("down"), h("span", {}, texts.say("action.save"))));
    }
    const copy = button("copy", texts.say("action.copy"), () => this.#copy(), { quiet: true });
    const paper = button("print", texts.say("action.print"), () => print(), { quiet: true });
    copy.dataset.action = "copy";
    paper.dataset.action = "print";
    offered.push(h("span", { class: "aside" }, copy, paper));
    this.#keepingFocus(() => this.#actions.replaceChildren(...offered));
  }

  /** Where an action had the keyboard it has it afterwards; else the first one has, or the title. @param {() => void} redraw */
  #keepingFocus(redraw) {
    const root = /** @type {ShadowRoot} */ (this.element.getRootNode());
    const held = this.#actions.contains(root.activeElement) ? root.activeElement?.getAttribute("data-action") : null;
    redraw();
    if (!held) return;
    const places = [`[data-action="${held}"]`, "[data-action]"].map((which) => this.#actions.querySelector(which));
    for (const place of [...places, this.#title]) {
      if (!this.element.contains(root.activeElement)) /** @type {HTMLElement | null} */ (place)?.focus();
    }
  }

  /** @param {Job} job */
  #priorities(job) {
    const { texts, act } = this.#context;
    const choice = h("select", { "data-action": "prioritize", "aria-label": texts.say("details.priority") }, ...PRIORITIES.map((name) => h("option", { value: name }, texts.say(`priority.${name}`))));
    choice.value = job.priority;
    choice.addEventListener("change", () => {
      if (this.#job) act([this.#job], "prioritize", { priority: /** @type {any} */ (choice.value) });
    });
    return h("label", { class: "button choice", "data-needs": "submit" }, icon("up"), h("span", {}, texts.say("action.prioritize")), choice);
  }

  async #copy() {
    const { queue, texts, said } = this.#context;
    const job = this.#whole ?? this.#job;
    if (!job) return;
    const whole = await queue.job(job.id).catch(() => job);
    try {
      await navigator.clipboard.writeText(reportOf(whole, texts));
      said(texts.say("copied"));
      this.#byHand.replaceChildren();
    } catch {
      // A page that came over plain http from another machine has no clipboard.
      const report = h("textarea", { readonly: true, rows: 8 }, reportOf(whole, texts));
      this.#byHand.replaceChildren(h("label", {}, texts.say("copy.byHand"), " ", report));
      report.select();
      report.focus();
    }
  }

  /** @param {Job} job */
  #drawFacts(job) {
    const { texts } = this.#context;
    const { formats } = texts;
    const time = (/** @type {number | undefined} */ at) => (at === undefined ? "" : formats.time(at));
    /** @type {[import("./texts.js").Key, string][]} */
    const facts = [
      ["add.id", String(job.job.albumId ?? job.job.trackId)],
      ["details.quality", qualityOf(job.job.quality, texts)],
      ["details.size", job.fileSize ?? job.bytesTotal ? formats.size(/** @type {number} */ (job.fileSize ?? job.bytesTotal)) : ""],
      ["details.priority", texts.say(`priority.${job.priority}`)],
      ["details.created", time(job.createdAt)],
      ["details.started", time(job.startedAt)],
      ["details.completed", time(job.completedAt)],
      ["details.duration", (job.downloadTimeMs ?? 0) >= 500 ? formats.duration(/** @type {number} */ (job.downloadTimeMs) / 1000) : ""],
      ["details.attempts", formats.number(job.retryCount + (job.startedAt ? 1 : 0))],
      ["details.client", job.client],
      ["details.code", job.failureCode ?? ""],
      ["details.id", job.id],
    ];
    const shown = facts.filter(([, value]) => value !== "");
    if (this.#facts.dataset.shown === JSON.stringify(shown)) return;
    this.#facts.dataset.shown = JSON.stringify(shown);
    this.#facts.replaceChildren(...shown.map(([name, value]) => h("div", {}, h("dt", {}, texts.say(name)), h("dd", {}, value))));
  }

  /** @param {Job} job in its whole form */
  #drawLists(job) {
    const { texts } = this.#context;
    const files = (job.files ?? []).map((name) => h("li", {}, name));
    const hidden = (job.fileCount ?? 0) - files.length;
    if (hidden > 0) files.push(h("li", { class: "note" }, texts.say("details.moreFiles", { count: hidden })));
    const history = (job.history ?? []).map((entry) => this.#entry(entry));
    const held = this.#held()?.closest("[data-name]")?.getAttribute("data-name");
    const causes = new Map((job.failedTracks ?? []).map(({ trackId, code }) => [trackId, causeOf(code, texts)]));
    const tracks = [...(job.trackProgress ?? []), ...this.#further].map((track) => makeTrackLine(track, causes.get(track.trackId) ?? "", texts));
    this.#lines = new Map(tracks.map((line) => [line.id, line]));
    const shut = new Set([...this.#lists.querySelectorAll("details:not([open])")].map((each) => /** @type {HTMLElement} */ (each).dataset.name));
    this.#lists.replaceChildren(
      ...this.#section("details.warnings", (job.warnings ?? []).map((text) => h("li", {}, text)), shut),
      ...this.#section("details.tracks", tracks.map(({ element }) => element), shut, this.#pager(job)),
      this.#facts,
      ...this.#section("details.files", files, shut),
      ...this.#section("details.history", history, shut),
    );
    if (this.#job) this.#move(this.#job);
    if (held) this.#hold(held);
  }

  /** Show how far the tracks are that are on their way. @param {Job} job the list's record */
  #move({ moving }) {
    for (const [id, news] of Object.entries(moving ?? {})) this.#lines.get(id)?.move(news);
  }

  /** What in the lists has the keyboard. */
  #held() {
    const focused = /** @type {ShadowRoot} */ (this.element.getRootNode()).activeElement;
    return focused && this.#lists.contains(focused) ? focused : null;
  }

  /** Give the keyboard to a section, or to what shows more tracks; when all are there, to their section. @param {string} name */
  #hold(name) {
    const places = [`[data-name="${name}"] > summary`, `button[data-name="${name}"]`, '[data-name="details.tracks"] > summary'];
    const place = places.map((which) => this.#lists.querySelector(which)).find(Boolean);
    /** @type {HTMLElement | undefined} */ (place ?? undefined)?.focus({ preventScroll: true });
  }

  /** @param {import("./texts.js").Key} name @param {HTMLElement[]} items @param {Set<string | undefined>} shut @param {HTMLElement | null} [after] */
  #section(name, items, shut, after = null) {
    if (!items.length) return [];
    const { texts } = this.#context;
    const count = h("span", { class: "note" }, texts.formats.number(items.length));
    return [
      h("details", { open: !shut.has(name), "data-name": name }, h("summary", {}, texts.say(name), " ", count), h("ul", {}, ...items), after),
    ];
  }

  /** @param {Job} job @returns {HTMLElement | null} what shows the tracks beyond those of the record */
  #pager(job) {
    const known = (job.trackProgress?.length ?? 0) + this.#further.length;
    if (this.#ended || known >= (job.trackCount ?? 0)) return null;
    const { texts } = this.#context;
    let asking = false; // a button that is disabled would lose the keyboard
    const more = button("down", texts.say("details.more"), async () => {
      if (asking) return;
      asking = true;
      await this.#page(job).catch((error) => this.#context.said(refusalOf(error, texts), { trouble: true }));
      asking = false;
    });
    more.dataset.name = "more";
    return more;
  }

  /** Show the next tracks that are not shown yet. @param {Job} job */
  async #page(job) {
    let fresh = [];
    do {
      const { tracks, nextCursor } = await this.#context.queue.tracks(job.id, this.#moreTracks);
      if (this.#job?.id !== job.id) return;
      fresh = tracks.filter((/** @type {import("./track-line.js").Track} */ track) => !this.#lines.has(String(track.trackId)));
      this.#moreTracks = nextCursor ?? null;
    } while (!fresh.length && this.#moreTracks !== null);
    this.#further.push(...fresh);
    this.#ended = this.#moreTracks === null;
    this.#drawLists(job);
  }

  /** @param {NonNullable<Job["history"]>[number]} entry */
  #entry({ at, event, attempt, code, message }) {
    const { texts } = this.#context;
    const key = `event.${event}`;
    const about = [attempt === undefined ? "" : texts.say("details.attempt", { attempt }), code, message].filter(Boolean).join(" · ");
    return h("li", { class: "entry" }, h("time", { datetime: new Date(at).toISOString() }, texts.formats.time(at)), h("span", {}, texts.has(key) ? texts.say(key) : event), h("span", { class: "subtitle" }, about));
  }
}
