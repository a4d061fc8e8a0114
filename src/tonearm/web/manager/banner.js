/**
 * The banner: what is the matter with the server, the worker or the store, and since when. It is silent when all is well.
 * It speaks in the reader's language; what the server says about it, in its own words, follows.
 */

import { button, h, icon, say, set } from "./dom.js";
import { holdOf } from "./health.js";

/** A break that heals sooner than this is not worth a word, milliseconds. */
const SHORT_MS = 1_000;

/** What makes the data stale, beside what the store says. @type {ReadonlySet<Matter>} */
const STALE = new Set(["banner.away", "banner.store", "banner.worker"]);

/** @param {{texts: import("./texts.js").Texts, retry: () => void}} context */
export function makeBanner({ texts, retry }) {
  const text = h("span", { class: "text" });
  const detail = h("span", { class: "detail", lang: "en" });
  const when = h("span", { class: "when" });
  const again = button("retry", texts.say("banner.retryNow"), retry, { class: "small" });
  const element = h("div", { class: "banner", hidden: true }, icon("warning"), h("p", {}, text, " ", detail), when, again);
  /** @type {Matter} */
  let matter = "";
  let words = "";
  return {
    element,
    /** What it says now, and the words that say it; empty: nothing. */
    get said() {
      return { matter, words };
    },
    /**
     * @param {import("../server-queue.js").State} state
     * @param {Steered} steering
     * @param {import("./health.js").Health | null} health
     * @returns {boolean} whether the data is stale: old, or of what stands still since nobody is at work
     */
    update(state, { paused, silence, silentSince }, health) {
      const { connection } = state;
      const store = connection.code === "STORE_UNAVAILABLE" ? connection.error : connection.mode === "live" ? silence : null;
      const away = store !== null || connection.mode === "away" && Date.now() - (connection.staleSince ?? 0) >= SHORT_MS;
      /** @type {Said} */
      const gone = store === null ? ["banner.away"] : ["banner.store", store];
      const [found, theirs = ""] = away ? gone : troubleOf(state, paused, health);
      matter = found;
      const since = texts.formats.hour(connection.staleSince ?? silentSince ?? Date.now());
      words = matter && texts.say(matter, { since });
      element.hidden = words === "";
      set(element, "data-kind", away || state.error ? "trouble" : "note");
      say(text, words);
      say(detail, theirs);
      again.hidden = connection.mode !== "away";
      const seconds = away && connection.retryAt ? Math.max(0, (connection.retryAt - Date.now()) / 1000) : 0;
      say(when, seconds > 1 ? texts.say("banner.retry", { time: texts.formats.duration(seconds) }) : "");
      return STALE.has(matter) || Date.now() - (state.staleSince ?? Infinity) >= SHORT_MS;
    },
  };
}

/**
 * @typedef {import("./texts.js").Key | ""} Matter the text that says it; empty: all is well
 * @typedef {[matter: Matter, theirs?: string]} Said what is the matter, and what the server says of it, in its own words
 * @typedef {{paused: boolean, silence: string | null, silentSince?: number | null}} Steered
 *   *silence*: why the queue behind the server does not answer; *silentSince*: by the browser's clock
 */

/** Sources of a queue that stands in for one that is away. */
const STAND_INS = new Set(["local", "memory"]);

/**
 * @param {import("../server-queue.js").State} state
 * @param {boolean} paused
 * @param {import("./health.js").Health | null} health
 * @returns {Said}
 */
function troubleOf(state, paused, health) {
  const { connection, queue, worker, warning, source } = state;
  if (connection.mode === "locked") return [""];
  if (connection.mode === "connecting" && !queue) return ["banner.connecting"];
  // The queue itself is away: what workers do is not known then.
  if (warning) return [STAND_INS.has(source ?? "") ? "banner.standIn" : "banner.warning", warning];
  if (worker && !worker.running) return ["banner.worker"];
  if (paused) return ["banner.paused"];
  return worker?.holding ? [`banner.holding.${holdOf(state, health)}`, worker.holding] : [""];
}
