/**
 * The banner: what is the matter with the server, the worker or the store, and since when. It is silent when all is well.
 * It speaks in the reader's language; what the server says about it, in its own words, follows.
 */

import { button, h, icon, say, set } from "./dom.js";
import { holdOf } from "./health.js";

/** A break that heals sooner than this is not worth a word, milliseconds. */
const SHORT_MS = 1_000;

/** @param {{texts: import("./texts.js").Texts, retry: () => void}} context */
export function makeBanner({ texts, retry }) {
  const text = h("span", { class: "text" });
  const detail = h("span", { class: "detail", lang: "en" });
  const when = h("span", { class: "when" });
  const again = button("retry", texts.say("banner.retryNow"), retry, { class: "small" });
  const element = h("div", { class: "banner", hidden: true }, icon("warning"), h("p", {}, text, " ", detail), when, again);
  return {
    element,
    /**
     * @param {import("../server-queue.js").State} state
     * @param {{paused: boolean, silence: string | null}} steering *silence*: why the queue behind the server does not answer
     * @param {import("./health.js").Health | null} health
     * @returns {boolean} whether the data is stale
     */
    update(state, { paused, silence }, health) {
      const { connection } = state;
      const store = connection.code === "STORE_UNAVAILABLE" ? connection.error : connection.mode === "live" ? silence : null;
      const away = store !== null || connection.mode === "away" && Date.now() - (connection.staleSince ?? 0) >= SHORT_MS;
      /** @type {Said} */
      const gone = store === null ? [awayText(connection, texts)] : [texts.say("banner.store"), store];
      const [words, theirs = ""] = away ? gone : troubleOf(state, paused, health, texts);
      element.hidden = words === "";
      set(element, "data-kind", away || state.error ? "trouble" : "note");
      say(text, words);
      say(detail, theirs);
      again.hidden = connection.mode !== "away";
      const seconds = away && connection.retryAt ? Math.max(0, (connection.retryAt - Date.now()) / 1000) : 0;
      say(when, seconds > 1 ? texts.say("banner.retry", { time: texts.formats.duration(seconds) }) : "");
      return away;
    },
  };
}

/** @param {import("../queue/link.js").Connection} connection @param {import("./texts.js").Texts} texts */
function awayText({ staleSince }, texts) {
  return texts.say("banner.away", { since: texts.formats.hour(staleSince ?? Date.now()) });
}

/** @typedef {[words: string, theirs?: string]} Said in the reader's language, and what the server says, in its own */

/** Sources of a queue that stands in for one that is away. */
const STAND_INS = new Set(["local", "memory"]);

/**
 * @param {import("../server-queue.js").State} state
 * @param {boolean} paused
 * @param {import("./health.js").Health | null} health
 * @param {import("./texts.js").Texts} texts
 * @returns {Said}
 */
function troubleOf(state, paused, health, texts) {
  const { connection, queue, worker, warning, source } = state;
  if (connection.mode === "connecting" && !queue) return [texts.say("banner.connecting")];
  // The queue itself is away: what workers do is not known then.
  if (warning) return [texts.say(STAND_INS.has(source ?? "") ? "banner.standIn" : "banner.warning"), warning];
  if (worker && !worker.running) return [texts.say("banner.worker")];
  if (paused) return [texts.say("banner.paused")];
  return worker?.holding ? [texts.say(`banner.holding.${holdOf(state, health)}`), worker.holding] : [""];
}
