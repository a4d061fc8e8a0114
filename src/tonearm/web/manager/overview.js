/**
 * The overview: how many of each, which are also the views to choose from, the speed, the disk, and what holds things up.
 */

import { h, icon, say, set } from "./dom.js";
import { mattersOf } from "./health.js";
import { makeSpeedGraph } from "./speed-graph.js";
import { VIEWS, countOf } from "./views.js";

const HEALTH_MS = 30_000;

/** @type {Record<import("./views.js").ViewName, import("./dom.js").IconName | null>} */
const ICONS = { all: null, running: "down", waiting: "clock", incomplete: "missing", failed: "warning", done: "check", cancelled: "cancel" };

/**
 * @param {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts,
 *   choose: (view: import("./views.js").ViewName) => void}} context
 */
export function makeOverview({ queue, texts, choose }) {
  const { formats } = texts;
  const names = /** @type {import("./views.js").ViewName[]} */ (Object.keys(VIEWS));
  const counts = new Map();
  const tiles = names.map((name) => {
    const count = h("span", { class: "count" });
    counts.set(name, count);
    const symbol = ICONS[name];
    const label = h("span", { class: "name" }, symbol ? icon(symbol) : null, texts.say(`filter.${name}`));
    return h("button", { type: "button", class: "tile", "data-view": name, onclick: () => choose(name) }, count, label);
  });
  const graph = makeSpeedGraph(texts.say("overview.speed.graph"));
  const speed = h("span", { class: "count" });
  const transfers = h("span", {});
  const left = h("span", {});
  const disk = h("span", {});
  const being = h("span", {});
  const matters = h("ul", { class: "matters" });
  const element = h(
    "section",
    { class: "overview", "aria-label": texts.say("overview.label") },
    h("div", { class: "tiles", role: "group", "aria-label": texts.say("filter.label") }, ...tiles),
    h("div", { class: "speed" }, h("span", { class: "name" }, texts.say("overview.speed")), speed, graph.element),
    h("p", { class: "facts" }, transfers, left, disk, being),
    matters,
  );
  const ticks = { graph: 0, health: 0 };
  let now = 0;
  let mark = "";
  /** @type {import("./health.js").Health | null} */
  let health = null;

  async function look() {
    if (document.visibilityState === "visible") await queue.health().then((found) => (health = found), () => {});
  }

  /** What the health follows from is in the state as well: ask anew when that is another. @param {import("../server-queue.js").State} state */
  function lookAt({ connection, worker, warning, queue: counts }) {
    const unfinished = counts ? counts.queued + counts.processing + counts.paused : 0;
    const now = [connection.mode, warning, worker?.running, worker?.holding, worker?.resting?.length ?? 0, Math.floor(unfinished / 100)].join();
    if (now === mark) return;
    mark = now;
    look();
  }

  /** @param {import("../server-queue.js").State} state */
  function drawHealth(state) {
    const free = health?.disk?.freeBytes;
    say(disk, typeof free === "number" ? texts.say("overview.disk", { size: formats.size(free) }) : "");
    say(being, health && state.connection.mode !== "away" ? texts.say(`health.${health.status}`) : "");
    const words = mattersOf(state, health, texts);
    if (matters.dataset.words === words.join("\n")) return;
    matters.dataset.words = words.join("\n");
    matters.replaceChildren(...words.map((text) => h("li", {}, icon("warning"), text)));
  }

  return {
    element,
    /** As it was asked for last; null: not yet. */
    get health() {
      return health;
    },
    /** Begin to move. */
    start() {
      ticks.graph = setInterval(() => graph.add(now), 1000);
      ticks.health = setInterval(look, HEALTH_MS);
    },
    stop() {
      clearInterval(ticks.graph);
      clearInterval(ticks.health);
    },
    /** @param {import("../server-queue.js").State} state @param {import("./views.js").ViewName} chosen @param {{count: number, more: boolean}} incomplete */
    update(state, chosen, incomplete) {
      for (const tile of tiles) {
        const name = /** @type {import("./views.js").ViewName} */ (tile.dataset.view);
        const count = countOf(name, state, incomplete.count);
        say(counts.get(name), state.queue ? formats.number(count) + (name === "incomplete" && incomplete.more ? "+" : "") : "–");
        set(tile, "aria-pressed", name === chosen ? "true" : "false");
        tile.hidden = name === "cancelled" && count === 0 && chosen !== "cancelled";
      }
      now = state.connection.mode === "away" ? 0 : state.speed;
      say(speed, formats.speed(now));
      const { worker } = state;
      say(transfers, worker ? texts.say("overview.transfers", { active: worker.activeDownloads, most: worker.maxConcurrent }) : "");
      const seconds = timeLeft(state);
      say(left, seconds === null ? "" : texts.say("overview.left", { time: formats.duration(seconds) }));
      lookAt(state);
      drawHealth(state);
    },
  };
}

/** Seconds until what runs is here, as far as sizes are known; null: not known. @param {import("../server-queue.js").State} state */
function timeLeft({ jobs, speed }) {
  if (!speed) return null;
  let bytes = 0;
  for (const job of jobs) {
    if (job.status === "processing" && job.bytesTotal) bytes += Math.max(0, job.bytesTotal - job.bytesDownloaded);
  }
  return bytes ? bytes / speed : null;
}
