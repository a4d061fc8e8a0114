/**
 * Adding music: by a search of the catalog where it can be searched, and by the number that the catalog has for it.
 * What the server refuses is said at the field that it is about.
 */

import { QueueError } from "../server-queue.js";
import { makeDialog, makeField } from "./dialogs.js";
import { button, h, icon, say } from "./dom.js";
import { refusalOf } from "./refusals.js";

const QUALITIES = ["LOSSLESS", "HIGH", "LOW"];
const PRIORITIES = ["high", "normal", "low"];
const PAUSE_MS = 300;

/** Characters of a search, as the server allows. */
const MOST_WORDS = 200;

/**
 * @typedef {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts}} AddContext
 * @typedef {{type: "track" | "album", id: number, title: string, artist?: string, album?: string, year?: number, trackCount?: number}} Found
 */

/**
 * @typedef {{names?: Record<string, string>, refused?: (error: QueueError) => boolean}} More
 * @typedef {(type: "track" | "album", id: number, title: string, more?: More) => Promise<boolean>} Add
 */

/** @param {AddContext} context */
export function makeAddForm(context) {
  const { texts } = context;
  const quality = h("select", { name: "quality" }, ...QUALITIES.map((name) => h("option", { value: name }, texts.say(/** @type {any} */ (`quality.${name}`)))));
  const priority = h("select", { name: "priority" }, ...PRIORITIES.map((name) => h("option", { value: name }, texts.say(/** @type {any} */ (`priority.${name}`)))));
  priority.value = "normal";
  const paused = h("input", { type: "checkbox", name: "startPaused" });
  const qualityField = makeField(texts.say("add.quality"), quality);
  const priorityField = makeField(texts.say("add.priority"), priority);
  const trouble = h("p", { class: "error", role: "alert" });
  const done = h("p", { class: "done", role: "status" });
  const chosen = () => ({ quality: quality.value, priority: /** @type {any} */ (priority.value), startPaused: paused.checked });

  /** @param {{refuse: (text: string) => void}} field @param {HTMLElement} control @param {QueueError} error */
  function at(field, control, error) {
    field.refuse(refusalOf(error, texts));
    control.focus();
  }

  /**
   * @param {"track" | "album"} type
   * @param {number} id
   * @param {string} title
   * @param {More} [more] *names*: what is known of it before the catalog says better; *refused*: whether it has said so itself
   */
  async function add(type, id, title, { names = {}, refused = () => false } = {}) {
    const { quality: wanted, ...options } = chosen();
    const job = { type, [type === "album" ? "albumId" : "trackId"]: id, quality: wanted, ...names };
    for (const field of [qualityField, priorityField]) field.refuse("");
    say(trouble, "");
    say(done, "");
    try {
      const answer = await context.queue.add(/** @type {any} */ (job), options);
      say(done, texts.say(answer.duplicate ? "add.duplicate" : "add.done", { title }));
      return true;
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      if (error.code === "INVALID_QUALITY") at(qualityField, quality, error);
      else if (error.field === "priority") at(priorityField, priority, error);
      else if (!refused(error)) say(trouble, refusalOf(error, texts));
      return false;
    }
  }

  const byId = makeById(texts, add);
  const search = makeSearch(context, add, () => byId.focus());
  const options = h(
    "div",
    { class: "options" },
    qualityField.element,
    priorityField.element,
    h("label", { class: "check" }, paused, texts.say("add.paused")),
  );
  const dialog = makeDialog(texts.say("add.title"), texts.say("action.close"), options, trouble, done, search.element, byId.element);
  dialog.classList.add("add");
  dialog.addEventListener("close", () => search.end());
  return {
    element: dialog,
    open() {
      say(trouble, "");
      say(done, "");
      dialog.showModal();
      if (!search.focus()) byId.focus();
    },
  };
}

/**
 * @param {import("./texts.js").Texts} texts
 * @param {Add} add
 */
function makeById(texts, add) {
  /** @param {"album" | "track"} value */
  const choice = (value) => {
    const box = h("input", { type: "radio", name: "type", value, checked: value === "album" });
    return h("label", { class: "check" }, box, icon(value), texts.say(`add.${value}`));
  };
  const number = h("input", { type: "text", inputmode: "numeric", name: "id", autocomplete: "off", required: true });
  const numberField = makeField(texts.say("add.id"), number, texts.say("add.id.hint"));
  const form = h(
    "form",
    { class: "by-id", novalidate: true },
    h("fieldset", {}, h("legend", {}, texts.say("add.byId")), h("div", { class: "types" }, choice("album"), choice("track"))),
    h("div", { class: "line" }, numberField.element, h("button", { type: "submit", class: "button primary" }, icon("add"), h("span", {}, texts.say("add.submit")))),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const type = /** @type {"album" | "track"} */ (new FormData(form).get("type"));
    const text = number.value.trim();
    numberField.refuse("");
    const title = texts.say(`title.${type}`, { id: text });
    // What is no number goes as it was typed, so that the server's word about it comes back.
    const id = /** @type {number} */ (/^-?\d+$/.test(text) ? Number(text) : text);
    const refused = (/** @type {QueueError} */ error) => {
      const about = error.code === "INVALID_ID" || error.field === "trackId" || error.field === "albumId";
      if (about) numberField.refuse(refusalOf(error, texts));
      if (about) number.focus();
      return about;
    };
    if (!(await add(type, id, title, { refused }))) return;
    number.value = "";
    number.focus();
  });
  return { element: form, focus: () => number.focus() };
}

/**
 * The search is offered until a first one has told that this catalog has none.
 * @param {AddContext} context
 * @param {Add} add
 * @param {() => void} none where the keyboard goes when there is no search
 */
function makeSearch({ queue, texts }, add, none) {
  const input = h("input", { type: "search", name: "q", autocomplete: "off", maxlength: MOST_WORDS });
  const field = makeField(texts.say("add.search"), input);
  const note = h("p", { class: "note", role: "status" });
  const results = h("ul", { class: "results" });
  const form = h("form", { class: "search", role: "search" }, field.element, results);
  const element = h("div", {}, form, note);
  /** @type {AbortController | null} */
  let asking = null;
  let timer = 0;

  /** Ask after a while, unless something else comes first. @param {number} milliseconds */
  function soon(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(look, milliseconds);
  }

  function end() {
    clearTimeout(timer);
    asking?.abort();
  }

  async function look() {
    end();
    const q = input.value.trim();
    say(note, q ? texts.say("add.searching") : "");
    if (!q) return results.replaceChildren();
    const asked = (asking = new AbortController());
    try {
      const found = (await queue.search(q, "", asked.signal)).results;
      results.replaceChildren(...found.map((/** @type {Found} */ one) => makeResult(one, texts, add)));
      say(note, found.length ? "" : texts.say("add.nothing", { q }));
    } catch (error) {
      if (!asked.signal.aborted) refused(/** @type {QueueError} */ (error));
    }
  }

  /** @param {QueueError} error */
  function refused(error) {
    results.replaceChildren();
    if (error.status === 501) {
      const held = form.matches(":focus-within");
      form.hidden = true;
      if (held) none();
      say(note, texts.say("add.search.none"));
      return;
    }
    say(note, texts.say("add.search.failed", { error: refusalOf(error, texts) }));
    if (error.retryAfterMs !== null) soon(error.retryAfterMs);
  }

  input.addEventListener("input", () => soon(PAUSE_MS));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  return {
    element,
    end,
    /** Put the keyboard into it, where there is a search. @returns {boolean} whether there is */
    focus() {
      input.focus();
      return !form.hidden;
    },
  };
}

/**
 * @param {Found} found
 * @param {import("./texts.js").Texts} texts
 * @param {Add} add
 */
function makeResult(found, texts, add) {
  const album = found.type === "album";
  const count = album && found.trackCount ? texts.say("add.tracks", { count: found.trackCount }) : "";
  const about = [found.artist, album ? texts.say("add.album") : found.album, found.year && String(found.year), count].filter(Boolean).join(" · ");
  const label = `${texts.say("action.add")}: ${found.title}`;
  const press = button("add", label, async () => {
    if (await add(found.type, found.id, found.title, { names: namesOf(found) })) press.replaceChildren(icon("check"));
  }, { quiet: true });
  return h("li", {}, icon(found.type), h("span", { class: "names" }, h("span", { class: "title" }, found.title), h("span", { class: "subtitle" }, about)), press);
}

/** The longest part of a name that goes along; a job has 1,024 bytes. */
const NAME_LENGTH = 60;

/** What a job is called until the catalog says better. @param {Found} found @returns {Record<string, string>} */
function namesOf({ type, title, artist, album }) {
  const names = type === "album" ? { albumTitle: title, artistName: artist } : { trackTitle: title, albumTitle: album, artistName: artist };
  return Object.fromEntries(Object.entries(names).flatMap(([name, text]) => (text ? [[name, text.slice(0, NAME_LENGTH)]] : [])));
}
