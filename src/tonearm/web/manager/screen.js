/**
 * The screen: puts the parts together and hands each what the store says. It keeps only what is chosen and looked at.
 */

import { Acting } from "./acting.js";
import { makeAddForm } from "./add-form.js";
import { makeBanner } from "./banner.js";
import { makeChosenBar } from "./chosen-bar.js";
import { button, h, icon, set } from "./dom.js";
import { JobDetails } from "./job-details.js";
import { JobList } from "./job-list.js";
import { Listing } from "./listing.js";
import { makeLoginForm } from "./login-form.js";
import { Notices } from "./notices.js";
import { makeOverview } from "./overview.js";
import { refusalOf } from "./refusals.js";
import { keepSettings, readSettings } from "./settings.js";
import { makeSteering } from "./steering.js";
import { Texts } from "./texts.js";
import { VIEWS } from "./views.js";

/** @typedef {import("../server-queue.js").Job} Job */

/** In this order: later ones change what earlier ones say. */
const STYLES = ["controls", "frame", "list", "details", "dialogs", "sizes"];
const THEMES = /** @type {const} */ (["auto", "light", "dark"]);
const FIND_MS = 250;
const SECOND_MS = 1_000;

/** The views that are a history, which can be cleared. */
const HISTORIES = ["done", "failed", "cancelled"];

/** Everything that a `<download-manager>` shows. */
export class Screen {
  /** @type {(() => void) | null} */
  #unsubscribe = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;
  #settings = readSettings();

  /**
   * @param {HTMLElement} host
   * @param {import("../server-queue.js").ServerQueue} queue
   */
  constructor(host, queue) {
    this.#host = host;
    this.#queue = queue;
    const texts = (this.#texts = new Texts(host.lang || undefined));
    host.lang = texts.language;
    const root = host.attachShadow({ mode: "open" });
    const now = () => Date.now() + queue.state.clockOffset;
    const changed = () => this.#draw();
    const notices = (this.#notices = new Notices(texts, () => this.#top.focus()));
    const said = notices.show.bind(notices);
    const acting = (this.#acting = new Acting({ queue, texts, notices, root }));
    const act = acting.act.bind(acting);
    this.#banner = makeBanner({ texts, retry: () => queue.retry() });
    this.#overview = makeOverview({ queue, texts, choose: (view) => this.#choose(view) });
    this.#steering = makeSteering({ queue, texts, changed, said });
    this.#login = makeLoginForm({ queue, texts, passed: () => this.#top.focus() });
    this.#add = makeAddForm({ queue, texts });
    this.#details = new JobDetails({ queue, texts, now, act, said, closed: () => this.#closed() });
    this.#scroller = h("div", { class: "scroller" });
    const wanted = () => this.#listing.more(queue.state);
    this.#list = new JobList(this.#scroller, { queue, texts, now, act, open: (job) => this.#open(job), changed, wanted });
    this.#chosen = makeChosenBar({ texts, act: (action, extra) => act(this.#picked(), action, extra), clear: () => this.#unpick() });
    this.#listing = new Listing(queue, this.#settings.view, "");
    this.#incomplete = new Listing(queue, "incomplete", "");
    this.#finder = this.#makeFinder();
    this.#clear = button("remove", texts.say("action.clear"), () => this.#clearHistory(), { needs: "control" });
    this.#leave = button("leave", "", () => this.#logOut(), { quiet: true });
    this.#empty = h("div", { class: "empty" });
    this.#body = h("div", { class: "body" }, this.#scroller, this.#details.element);
    this.#screen = h("div", { class: "screen" });
    this.#top = h("h1", { tabindex: -1 }, icon("album"), h("span", {}, "Tonearm"));
    this.#lay(root);
    this.#dress();
  }

  #host;
  #queue;
  #texts;
  #notices;
  #acting;
  #banner;
  #overview;
  #steering;
  #login;
  #add;
  #details;
  #scroller;
  #list;
  #chosen;
  #listing;
  #incomplete;
  #finder;
  #clear;
  #leave;
  #empty;
  #body;
  #screen;
  #top;

  /** Begin to follow the queue. */
  start() {
    this.#unsubscribe = this.#queue.subscribe((state) => {
      this.#notices.follow(state);
      this.#draw();
    });
    this.#overview.start();
    this.#steering.start();
    this.#tick = setInterval(() => this.#draw(), SECOND_MS); // times that run: a retry's, that of the next attempt
  }

  /** Let go of everything that runs. */
  stop() {
    this.#unsubscribe?.();
    this.#overview.stop();
    this.#steering.stop();
    clearInterval(this.#tick);
  }

  /** @param {ShadowRoot} root */
  #lay(root) {
    const texts = this.#texts;
    const theme = button("theme", "", () => this.#turn(), { quiet: true, class: "theme" });
    const add = button("add", texts.say("action.add"), () => this.#add.open(), { class: "primary", needs: "submit" });
    const tools = h("div", { class: "tools" }, h("label", { class: "find" }, icon("search"), this.#finder), this.#clear);
    this.#scroller.append(this.#overview.element, tools, this.#empty, this.#list.element);
    const steering = h("div", { class: "steering" }, ...this.#steering.buttons, theme, this.#leave, add);
    this.#screen.append(
      h("header", { class: "top" }, this.#top, steering),
      this.#banner.element,
      this.#login.element,
      this.#body,
      this.#chosen.element,
    );
    root.append(
      ...STYLES.map((name) => h("link", { rel: "stylesheet", href: new URL(`styles/${name}.css`, import.meta.url).href })),
      this.#screen,
      this.#add.element,
      this.#steering.dialog,
      this.#notices.element,
    );
  }

  #makeFinder() {
    let timer = 0;
    const label = this.#texts.say("filter.text");
    const finder = h("input", { type: "search", "aria-label": label, placeholder: label, autocomplete: "off" });
    finder.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#look(), FIND_MS);
    });
    return finder;
  }

  #draw() {
    const { state } = this.#queue;
    const stale = this.#banner.update(state, this.#steering, this.#overview.health);
    const locked = state.connection.mode === "locked";
    if (!locked) this.#notices.tell(this.#banner.said);
    this.#login.update(locked);
    set(this.#screen, "data-scope", locked ? "none" : (state.session?.scope ?? null));
    this.#drawSession(state.session);
    this.#body.hidden = locked;
    this.#body.toggleAttribute("data-stale", stale);
    const open = this.#incomplete.open(state);
    if (open && state.queue?.completed) this.#incomplete.more(state);
    const count = this.#incomplete.jobs(state).length;
    this.#overview.update(state, this.#settings.view, { count, more: open && count > 0 });
    const jobs = this.#listing.jobs(state);
    this.#listing.follow(state);
    const total = this.#listing.total(state, jobs.length, count);
    this.#list.update(jobs, total, this.#listing.settled);
    this.#chosen.update(this.#list.selection.of(jobs));
    const whole = this.#listing.text === ""; // the server clears no search: what is not shown would go too
    this.#clear.hidden = !HISTORIES.includes(this.#settings.view) || !whole || jobs.length === 0;
    this.#drawEmpty(total === 0 && state.queue !== null);
    if (this.#details.id) this.#details.update(state.jobs.find((job) => job.id === this.#details.id) ?? null);
  }

  /** The way out, where somebody has logged in. @param {import("../queue/session.js").Session | null} session */
  #drawSession(session) {
    this.#leave.hidden = session === null;
    if (!session) return;
    const label = this.#texts.say("logout", { name: session.name, scope: this.#texts.say(`scope.${session.scope}`) });
    set(this.#leave, "aria-label", label);
    set(this.#leave, "title", label);
  }

  #logOut() {
    this.#queue.logout().catch((error) => this.#notices.show(refusalOf(error, this.#texts), { trouble: true }));
  }

  /** @param {boolean} empty */
  #drawEmpty(empty) {
    const mark = empty ? (this.#listing.text || this.#settings.view !== "all" ? "filter" : "add") : "";
    if (this.#empty.dataset.mark === mark) return;
    this.#empty.dataset.mark = mark;
    this.#empty.hidden = !empty;
    const texts = this.#texts;
    if (mark === "filter") this.#empty.replaceChildren(h("p", {}, texts.say("list.empty.filter")));
    else if (mark === "add") {
      const add = button("add", texts.say("action.add"), () => this.#add.open(), { class: "primary", needs: "submit" });
      this.#empty.replaceChildren(icon("album"), h("p", { class: "large" }, texts.say("list.empty")), h("p", { "data-needs": "submit" }, texts.say("list.empty.add")), add);
    }
  }

  /** @param {import("./views.js").ViewName} view */
  #choose(view) {
    this.#settings = { ...this.#settings, view };
    keepSettings(this.#settings);
    this.#look();
  }

  /** Look at what is chosen: another view, or another text. */
  #look() {
    this.#listing = new Listing(this.#queue, this.#settings.view, this.#finder.value);
    this.#list.selection.clear();
    this.#draw();
  }

  #picked() {
    return this.#list.selection.of(this.#listing.jobs(this.#queue.state));
  }

  #unpick() {
    this.#list.selection.clear();
    this.#draw();
    this.#list.focus();
  }

  /** @param {Job} job */
  #open(job) {
    this.#body.toggleAttribute("data-details", true);
    this.#list.opened = this.#list.selection.current = job.id;
    this.#details.open(job);
    this.#draw();
  }

  #closed() {
    this.#body.toggleAttribute("data-details", false);
    this.#list.opened = null;
    this.#list.focus();
  }

  #clearHistory() {
    this.#acting.clear(VIEWS[this.#listing.name].queries[0]);
  }

  /** The next theme. */
  #turn() {
    const next = THEMES[(THEMES.indexOf(this.#settings.theme) + 1) % THEMES.length];
    this.#settings = { ...this.#settings, theme: next };
    keepSettings(this.#settings);
    this.#dress();
  }

  #dress() {
    const { theme } = this.#settings;
    set(this.#host, "data-theme", theme === "auto" ? null : theme);
    const label = this.#texts.say(`theme.${theme}`);
    const turn = this.#host.shadowRoot?.querySelector(".theme");
    if (turn) {
      set(turn, "aria-label", label);
      set(turn, "title", label);
    }
  }
}
