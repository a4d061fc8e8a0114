/**
 * Dialogs: a question that needs an answer, and the frame that forms stand in. The browser keeps the keyboard inside.
 */

import { button, h } from "./dom.js";

let number = 0;

/**
 * A dialog with a title and a way to close it.
 * @param {string} title
 * @param {string} close the name of the button that closes it
 * @param {...Node} content
 */
export function makeDialog(title, close, ...content) {
  const id = `dialog-${(number += 1)}`;
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": id });
  const shut = button("cancel", close, () => dialog.close(), { quiet: true });
  dialog.append(h("header", {}, h("h2", { id }, title), shut), ...content);
  let begun = false; // whether a press began beside it
  dialog.addEventListener("pointerdown", (event) => (begun = isBeside(dialog, event)));
  dialog.addEventListener("click", (event) => {
    if (begun && isBeside(dialog, event)) dialog.close();
  });
  return dialog;
}

/** Whether something is pressed in the dark around a dialog; its padding is the dialog itself, too. @param {Element} dialog @param {MouseEvent} event */
function isBeside(dialog, { target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

/**
 * Ask, and wait for the answer. *also* is the label of a box that asks for something more, where there is one.
 * @param {Node} root where the dialog is shown
 * @param {{title: string, text: string, yes: string, no: string, also?: string}} words
 * @returns {Promise<{agreed: boolean, also: boolean}>}
 */
export function confirmed(root, { title, text, yes, no, also = "" }) {
  return new Promise((resolve) => {
    let agreed = false;
    const box = h("input", { type: "checkbox", name: "also" });
    const agree = () => {
      agreed = true;
      dialog.close();
    };
    const refuse = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, no);
    const choices = h("div", { class: "choices" }, refuse, button("remove", yes, agree, { class: "danger" }));
    const more = also && h("label", { class: "check" }, box, also);
    const dialog = makeDialog(title, no, h("p", {}, text), ...(more ? [more] : []), choices);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve({ agreed, also: box.checked });
    });
    root.appendChild(dialog);
    dialog.showModal();
    refuse.focus();
  });
}

/**
 * A field of a form with its label, its hint and the place where a refusal is said.
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement} control
 * @param {string} [hint]
 */
export function makeField(label, control, hint = "") {
  const id = `field-${(number += 1)}`;
  control.id = id;
  const error = h("span", { class: "error", id: `${id}-error`, role: "alert" });
  const note = h("span", { class: "hint", id: `${id}-hint` }, hint);
  control.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const element = h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? note : null, error);
  if (!hint) control.setAttribute("aria-describedby", `${id}-error`);
  return {
    element,
    /** Say what is wrong with it; empty: nothing. @param {string} text */
    refuse(text) {
      error.textContent = text;
      control.setAttribute("aria-invalid", text ? "true" : "false");
    },
  };
}
