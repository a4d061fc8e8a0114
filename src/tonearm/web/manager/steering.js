/**
 * Steering: what holds for the whole queue, pausing it and the limit of its speed.
 */

import { QueueError } from "../server-queue.js";
import { makeDialog, makeField } from "./dialogs.js";
import { button, h, icon } from "./dom.js";
import { refusalOf } from "./refusals.js";

const LOOK_MS = 5_000;
const KILO = 1_000;

/**
 * @param {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts,
 *   changed: () => void, said: (text: string, options?: {trouble?: boolean}) => void}} context
 */
export function makeSteering({ queue, texts, changed, said }) {
  let paused = false;
  let limit = 0;
  let timer = 0;
  let begun = 0; // changes, and below those of them that have no answer yet: what was asked before one ended may be older
  let running = 0;
  /** @type {string | null} */
  let silence = null;
  /** @type {number | null} */
  let silentSince = null;
  const pause = button("pause", texts.say("action.pauseAll"), () => change({ paused: !paused }), { needs: "control" });
  const gauge = button("gauge", texts.say("limit.title"), () => open(), { quiet: true, needs: "control" });
  const input = h("input", { type: "number", name: "limit", min: 0, step: 1, inputmode: "numeric" });
  const field = makeField(texts.say("limit.title"), input, texts.say("limit.hint"));
  const form = h("form", { novalidate: true }, field.element, h("div", { class: "choices" }, h("button", { type: "submit", class: "button primary" }, texts.say("limit.apply"))));
  const dialog = makeDialog(texts.say("limit.title"), texts.say("action.close"), form);

  function draw() {
    pause.replaceChildren(icon(paused ? "play" : "pause"), h("span", {}, texts.say(paused ? "action.resumeAll" : "action.pauseAll")));
    const text = limit ? texts.formats.speed(limit) : texts.say("limit.none");
    gauge.title = `${texts.say("limit.title")}: ${text}`;
    gauge.setAttribute("aria-label", gauge.title);
    gauge.toggleAttribute("data-on", limit > 0);
  }

  /** @param {any} control */
  function take(control) {
    if (control.paused === paused && control.bandwidthLimit === limit) return;
    paused = control.paused;
    limit = control.bandwidthLimit;
    draw();
    changed();
  }

  async function look() {
    if (document.visibilityState !== "visible") return;
    const before = silence;
    const asked = running ? -1 : begun;
    try {
      const control = await queue.control();
      if (asked === begun) take(control);
      silence = null;
    } catch (error) {
      silence = error instanceof QueueError && error.code === "STORE_UNAVAILABLE" ? error.message : null;
    }
    if (silence === before) return;
    silentSince = silence === null ? null : (silentSince ?? Date.now());
    changed();
  }

  /** @param {{paused?: boolean, bandwidthLimit?: number | null}} wanted */
  async function change(wanted) {
    const before = { paused, bandwidthLimit: limit };
    const mine = (begun += 1);
    running += 1;
    take({ ...before, ...wanted, bandwidthLimit: wanted.bandwidthLimit ?? (("bandwidthLimit" in wanted) ? 0 : limit) });
    try {
      const control = await queue.setControl(wanted);
      if (mine === begun) take(control);
      return true;
    } catch (error) {
      if (mine === begun) take(before);
      const words = refusalOf(/** @type {Error} */ (error), texts);
      if (!("bandwidthLimit" in wanted)) said(words, { trouble: true });
      else field.refuse(words);
      return false;
    } finally {
      running -= 1;
    }
  }

  function open() {
    field.refuse("");
    input.value = limit ? String(Math.round(limit / KILO)) : "";
    dialog.showModal();
    input.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    field.refuse("");
    const kilobytes = input.value.trim() === "" && input.validity.valid ? null : Number(input.value) * KILO;
    if (!input.validity.valid) field.refuse(texts.say("limit.hint"));
    else if (await change({ bandwidthLimit: kilobytes })) dialog.close();
  });
  draw();
  return {
    buttons: [pause, gauge],
    dialog,
    /** Whether the whole queue is paused. */
    get paused() {
      return paused;
    },
    /** Why the queue behind the server does not answer, as streams cannot tell; null: it does. */
    get silence() {
      return silence;
    },
    /** Since when that is so, by the browser's clock. */
    get silentSince() {
      return silentSince;
    },
    start() {
      timer = setInterval(look, LOOK_MS);
      look();
    },
    stop() {
      clearInterval(timer);
    },
  };
}
