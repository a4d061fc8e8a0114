/**
 * Covers: the picture of a job, and until there is one a field of its own colour with the first letters of its title.
 */

import { h, icon, set } from "./dom.js";
import { hueOf, titleOf } from "./looks.js";

/** Pictures that there are none of, by address: asked for once. */
const absent = new Set();

/**
 * @param {import("../server-queue.js").ServerQueue} queue
 * @param {import("./texts.js").Texts} texts
 */
export function makeCover(queue, texts) {
  const symbols = { track: icon("track"), album: icon("album") };
  const picture = h("img", { alt: "", loading: "lazy", decoding: "async", hidden: true });
  const element = h("span", { class: "cover", "aria-hidden": "true" }, picture);
  element.append(symbols.track, symbols.album);
  picture.addEventListener("error", () => {
    absent.add(picture.src);
    picture.hidden = true;
  });
  picture.addEventListener("load", () => {
    picture.hidden = false;
  });
  return {
    element,
    /** @param {import("../server-queue.js").Job} job */
    update(job) {
      element.style.setProperty("--hue", String(hueOf(job.job.albumTitle ?? titleOf(job, texts))));
      symbols.track.toggleAttribute("hidden", job.jobType !== "track");
      symbols.album.toggleAttribute("hidden", job.jobType !== "album");
      const url = job.files.length ? queue.coverUrl(job.id) : "";
      if (!url || absent.has(url)) {
        picture.hidden = true;
        set(picture, "src", null);
      } else if (picture.src !== url) {
        picture.hidden = true;
        picture.src = url;
      }
    },
  };
}
