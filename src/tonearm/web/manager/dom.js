/**
 * The DOM in short: elements from a tag, properties and children. Text goes in as text, never as markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * An element. Properties that begin with "on" are listeners; null, undefined and false leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Give an attribute a value, or take it away.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? "" : value)) {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Show a text, touching the page only when it is another. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Strokes of the icons, in a square of 24. */
const ICONS = {
  add: "M12 5v14M5 12h14",
  album: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  back: "M15 5l-7 7 7 7",
  cancel: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M12 5v14M6 13l6 6 6-6",
  gauge: "M4.5 18a9 9 0 1 1 15 0M12 14l4-5",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  missing: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 9 9M12 21a9 9 0 0 0 9-9",
  pause: "M8 5v14M16 5v14",
  play: "M8 5l11 7-11 7z",
  print: "M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z",
  remove: "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.5M20 4v5.5h-5.5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  track: "M9 18V6l10-2v11M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 15a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  up: "M12 19V5M6 11l6-6 6 6",
  warning: "M12 4L2.5 20h19zM12 10v4.5M12 17v.5",
};

/** @typedef {keyof typeof ICONS} IconName */

/** A drawing that says nothing to those who do not see it. @param {IconName} name */
export function icon(name) {
  const drawing = svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" });
  drawing.append(svg("path", { d: ICONS[name] }));
  return drawing;
}

/** @param {string} tag @param {Record<string, string | number>} [attributes] */
export function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** @typedef {"submit" | "control"} Needs the right without which something is not offered (styles/controls.css) */

/**
 * A button with an icon and a name.
 * @param {IconName} name
 * @param {string} label its name; shown beside the icon, or where *quiet* only told
 * @param {(event: MouseEvent) => void} pressed
 * @param {{quiet?: boolean, class?: string, needs?: Needs}} [options]
 */
export function button(name, label, pressed, options = {}) {
  const style = ["button", options.quiet ? "quiet" : "", options.class ?? ""].filter(Boolean).join(" ");
  return h(
    "button",
    { type: "button", class: style, "data-needs": options.needs, "aria-label": options.quiet && label, title: options.quiet && label, onclick: pressed },
    icon(name),
    !options.quiet && h("span", {}, label),
  );
}
