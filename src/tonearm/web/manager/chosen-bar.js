/**
 * The bar of what is chosen: how many, and what can be done with all of them at once.
 */

import { button, h, icon, say } from "./dom.js";
import { actionsFor } from "./looks.js";

const ACTIONS = /** @type {const} */ (["pause", "resume", "retry", "cancel", "remove"]);
const PRIORITIES = /** @type {const} */ (["high", "normal", "low"]);

/**
 * @param {{texts: import("./texts.js").Texts, clear: () => void,
 *   act: (action: import("./looks.js").Action, extra?: import("./acting.js").Extra) => void}} context
 */
export function makeChosenBar({ texts, act, clear }) {
  const count = h("span", { class: "chosen-count" });
  const buttons = ACTIONS.map((action) => {
    return { action, element: button(action === "resume" ? "play" : action, texts.say(`action.${action}`), () => act(action), { needs: "submit" }) };
  });
  const priority = h("select", {}, ...PRIORITIES.map((name) => h("option", { value: name }, texts.say(`priority.${name}`))));
  priority.value = "normal";
  priority.addEventListener("change", () => act("prioritize", { priority: /** @type {any} */ (priority.value) }));
  const choice = h("label", { class: "button choice", "data-needs": "submit" }, icon("up"), h("span", {}, texts.say("action.prioritize")), priority);
  const element = h(
    "div",
    { class: "chosen-bar", role: "toolbar", "aria-label": texts.say("row.actions"), hidden: true },
    count,
    ...buttons.map((each) => each.element),
    choice,
    button("cancel", texts.say("select.clear"), clear, { quiet: true }),
  );
  return {
    element,
    /** @param {import("../server-queue.js").Job[]} jobs those chosen */
    update(jobs) {
      element.hidden = jobs.length === 0;
      say(count, texts.say("select.count", { count: jobs.length }));
      const able = new Set(jobs.flatMap((job) => actionsFor(job)));
      for (const each of buttons) each.element.hidden = !able.has(each.action);
      choice.hidden = !able.has("prioritize");
    },
  };
}
