/**
 * Covers: the picture of a job, and until there is one a field of its own colour with the first letters of its title.
 */

import { h, icon } from "./dom.js";
import { hueOf, titleOf } from "./looks.js";

/**
 * Jobs without a picture, and what they were like when it was asked for: their state and the generation of the store. It is
 * asked for again when either is another, because a picture that an outage held back looks like none.
 * @type {Map<string, string>}
 */
const absent = new Map();

/**
 * @param {import("../server-queue.js").ServerQueue} queue
 * @param {import("./texts.js").Texts} texts
 */
export function makeCover(queue, texts) {
  const symbols = { track: icon("track"), album: icon("album") };
  const picture = h("img", { alt: "", loading: "lazy", decoding: "async" });
  const element = h("span", { class: "cover", "aria-hidden": "true" });
  element.append(symbols.track, symbols.album, picture);
  let shown = "";
  let state = "";
  picture.addEventListener("load", () => picture.toggleAttribute("data-ready", true));
  picture.addEventListener("error", () => {
    if (shown) absent.set(shown, state);
    clear();
  });

  function clear() {
    shown = "";
    picture.removeAttribute("data-ready");
    picture.removeAttribute("src");
  }

  return {
    element,
    /** @param {import("../server-queue.js").Job} job */
    update(job) {
      element.style.setProperty("--hue", String(hueOf(job.job.albumTitle ?? titleOf(job, texts))));
      symbols.track.toggleAttribute("hidden", job.jobType !== "track");
      symbols.album.toggleAttribute("hidden", job.jobType !== "album");
      const now = `${job.status} ${queue.state.generation}`;
      if (!job.files.length || absent.get(job.id) === now) {
        clear();
      } else if (shown !== job.id) {
        clear();
        shown = job.id;
        state = now;
        picture.src = queue.coverUrl(job.id);
      }
    },
  };
}
