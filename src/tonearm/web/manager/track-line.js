/**
 * A track line: one track of an album in its details, as the record has it and, while it is on its way, as it moves.
 */

import { h, say, set } from "./dom.js";

/** @typedef {NonNullable<import("../server-queue.js").Job["trackProgress"]>[number]} Track */

/** @param {Track} track @param {string} cause why it failed in the reader's language; the server's words follow it @param {import("./texts.js").Texts} texts */
export function makeTrackLine(track, cause, texts) {
  const title = track.trackTitle || texts.say("title.track", { id: String(track.trackId) });
  const words = h("span", { class: "subtitle" });
  const bar = h("progress", { max: 1, "aria-label": texts.say("row.progress", { title }) });
  const element = h("li", { class: "track" }, h("span", { class: "title" }, title), words, bar);

  /** @param {string} status @param {number} progress @param {string} [error] */
  function draw(status, progress, error) {
    const state = texts.say(/** @type {any} */ (`track.${status}`));
    const runs = status === "downloading";
    const speed = moved?.speedBytesPerSecond ? texts.formats.speed(moved.speedBytesPerSecond) : "";
    const figures = runs ? [state, texts.formats.percent(progress), speed] : [state];
    set(element, "data-status", status);
    say(words, error ? [cause, error].filter(Boolean).join(" · ") : figures.filter(Boolean).join(" · "));
    bar.hidden = !runs;
    bar.value = progress;
  }

  /** @type {import("../server-queue.js").Moved | null} */
  let moved = null;
  draw(track.status, track.progress, track.error);
  return {
    element,
    id: String(track.trackId),
    /** Show how far it is now. @param {import("../server-queue.js").Moved} news */
    move(news) {
      if (news === moved) return;
      moved = news;
      draw("downloading", news.progress);
    },
  };
}
