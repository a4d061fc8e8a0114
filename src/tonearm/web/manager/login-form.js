/**
 * The login: asks for a key where the server does, and never keeps it.
 */

import { makeField } from "./dialogs.js";
import { h } from "./dom.js";
import { refusalOf } from "./refusals.js";

/**
 * @param {{queue: import("../server-queue.js").ServerQueue, texts: import("./texts.js").Texts, passed: () => void}} context
 *   *passed*: the form goes, and with it the place of the keyboard
 */
export function makeLoginForm({ queue, texts, passed }) {
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true });
  const field = makeField(texts.say("login.key"), key);
  const submit = h("button", { type: "submit", class: "button primary" }, texts.say("login.submit"));
  const element = h(
    "form",
    { class: "login", hidden: true, novalidate: true },
    h("h2", {}, texts.say("login.title")),
    h("p", {}, texts.say("login.text")),
    // Keys have no user; but whatever keeps passwords wants a name to keep one under.
    h("input", { type: "text", name: "username", autocomplete: "username", value: "tonearm", hidden: true }),
    field.element,
    submit,
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    field.refuse("");
    submit.disabled = true;
    try {
      await queue.login(key.value.trim());
      key.value = "";
    } catch (error) {
      field.refuse(refusalOf(/** @type {Error} */ (error), texts));
      key.focus();
    } finally {
      submit.disabled = false;
    }
  });

  /** Whether it has the keyboard, or nothing has: a button that is disabled loses it. */
  function held() {
    const { activeElement, host } = /** @type {ShadowRoot} */ (element.getRootNode());
    return activeElement ? element.contains(activeElement) : [document.body, host].includes(/** @type {Element} */ (document.activeElement));
  }

  return {
    element,
    /** @param {boolean} shown */
    update(shown) {
      if (element.hidden !== shown) return;
      element.hidden = !shown;
      if (shown) key.focus();
      else if (held()) passed();
    },
  };
}
