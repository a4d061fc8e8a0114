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
  const priority = makePriority(texts.say("action.prioritize"), texts, (name) => act("prioritize", { priority: name }));
  const choice = h("label", { class: "button choice", "data-needs": "submit" }, icon("up"), priority);
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

/**
 * A choice of a priority that shows its own name until one is chosen, and again before the next: what was chosen last holds
 * for other jobs, and any of the three can be chosen for these.
 * @param {string} label
 * @param {import("./texts.js").Texts} texts
 * @param {(name: (typeof PRIORITIES)[number]) => void} chosen
 */
function makePriority(label, texts, chosen) {
  const names = PRIORITIES.map((name) => h("option", { value: name }, texts.say(`priority.${name}`)));
  const select = h("select", { "aria-label": label }, h("option", { value: "", hidden: true }, label), ...names);
  const anew = () => {
    select.value = "";
  };
  select.addEventListener("change", () => select.value && chosen(/** @type {(typeof PRIORITIES)[number]} */ (select.value)));
  select.addEventListener("pointerdown", anew);
  select.addEventListener("blur", anew);
  return select;
}
