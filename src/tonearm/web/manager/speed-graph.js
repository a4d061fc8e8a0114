/**
 * The speed graph: what came in over the last minute, one point a second, drawn as one line that moves.
 */

import { svg } from "./dom.js";

const SECONDS = 60;
const HEIGHT = 32;

/** A graph of its own scale. @param {string} label what it shows, for those who do not see it */
export function makeSpeedGraph(label) {
  /** @type {number[]} */
  const points = [];
  const element = svg("svg", { viewBox: `0 0 ${SECONDS - 1} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  element.setAttribute("aria-label", label);
  element.classList.add("graph");
  element.append(area, line);
  return {
    element,
    /** @param {number} speed bytes a second, as it is now */
    add(speed) {
      points.push(speed);
      if (points.length > SECONDS) points.shift();
      const most = Math.max(...points, 1);
      const first = SECONDS - points.length;
      const path = points
        .map((value, place) => `${place ? "L" : "M"}${first + place} ${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(2)}`)
        .join("");
      line.setAttribute("d", path);
      area.setAttribute("d", `${path}V${HEIGHT}H${first}Z`);
    },
  };
}
