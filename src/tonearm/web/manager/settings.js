/**
 * Settings of the page, kept in this browser: which view was chosen, and which theme. They are never needed.
 */

const NAME = "tonearm.view";

/** @typedef {{view: import("./views.js").ViewName, theme: "auto" | "light" | "dark"}} Settings */

/** @returns {Settings} */
export function readSettings() {
  /** @type {Settings} */
  const usual = { view: "all", theme: "auto" };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem(NAME) ?? "{}") };
  } catch {
    return usual;
  }
}

/** @param {Settings} settings */
export function keepSettings(settings) {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings));
  } catch {
    // a browser that keeps nothing shows the usual view next time
  }
}
