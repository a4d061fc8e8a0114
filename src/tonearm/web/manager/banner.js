/**
 * The banner: what is the matter with the server, the worker or the store, and since when. It is silent when all is well.
 */

import { button, h, icon, say, set } from "./dom.js";

/** A break that heals sooner than this is not worth a word, milliseconds. */
const SHORT_MS = 1_000;

/** @param {{texts: import("./texts.js").Texts, retry: () => void}} context */
export function makeBanner({ texts, retry }) {
  const text = h("span", { class: "text" });
  const when = h("span", { class: "when" });
  const again = button("retry", texts.say("banner.retryNow"), retry, { class: "small" });
  const element = h("div", { class: "banner", hidden: true }, icon("warning"), text, when, again);
  return {
    element,
    /**
     * @param {import("../server-queue.js").State} state
     * @param {{paused: boolean, silence: string | null}} steering *silence*: why the queue behind the server does not answer
     * @returns {boolean} whether the data is stale
     */
    update(state, { paused, silence }) {
      const { connection } = state;
      const store = connection.code === "STORE_UNAVAILABLE" ? connection.error : connection.mode === "live" ? silence : null;
      const away = store !== null || connection.mode === "away" && Date.now() - (connection.staleSince ?? 0) >= SHORT_MS;
      const gone = store === null ? awayText(connection, texts) : texts.say("banner.store", { error: store });
      const message = away ? gone : troubleText(state, paused, texts);
      element.hidden = message === "";
      set(element, "data-kind", away || state.error ? "trouble" : "note");
      say(text, message);
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

/** @param {import("../server-queue.js").State} state @param {boolean} paused @param {import("./texts.js").Texts} texts */
function troubleText(state, paused, texts) {
  if (state.connection.mode === "connecting" && !state.queue) return texts.say("banner.connecting");
  if (state.warning) return state.warning; // the queue itself is away: what workers do is not known then
  if (state.worker && !state.worker.running) return texts.say("banner.worker");
  if (state.worker?.holding) return texts.say("banner.holding", { reason: state.worker.holding });
  return paused ? texts.say("banner.paused") : "";
}
