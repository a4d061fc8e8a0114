/**
 * Covers: the picture of a job, and until there is one a field of its own colour with the first letters of its title.
 */

import { h, icon } from "./dom.js";
import { hueOf, titleOf } from "./looks.js";

/** Pictures that there were none of, by address and state of the job: asked for again when that is another. */
const absent = new Set();

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
  picture.addEventListener("load", () => picture.toggleAttribute("data-ready", true));
  picture.addEventListener("error", () => {
    absent.add(shown);
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
      const wanted = job.files.length ? `${job.id} ${job.status}` : "";
      if (!wanted || absent.has(wanted)) {
        clear();
      } else if (!shown.startsWith(`${job.id} `)) {
        clear();
        shown = wanted;
        picture.src = queue.coverUrl(job.id);
      }
    },
  };
}
