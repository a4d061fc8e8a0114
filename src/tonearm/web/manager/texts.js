/**
 * Texts: everything the page says, in the reader's language.
 *
 * A language is one module below `texts/`, with the same keys as the English one (a test holds that). A text may have
 * `{places}`; one that depends on a number is an object by plural form (`Intl.PluralRules`).
 */

import de from "./texts/de.js";
import en from "./texts/en.js";
import fr from "./texts/fr.js";

import { Formats } from "./formats.js";

/** @typedef {keyof typeof en} Key */

/** @type {Record<string, Record<Key, string | Record<string, string>>>} */
export const LANGUAGES = { en, de, fr };

/** Whether numbers can be written by it: a browser may name its system's locale, as en-US@posix. @param {string} tag */
function isLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

/** The texts of one language, and the formats of the browser's locale; one that was asked for has its own. */
export class Texts {
  /** @param {string} [wanted] a language; by default the browser's first that there is */
  constructor(wanted) {
    const asked = [wanted ?? "", ...(globalThis.navigator?.languages ?? [])].filter((tag) => tag !== "");
    this.language = asked.map((tag) => tag.split("-")[0]).find((language) => language in LANGUAGES) ?? "en";
    this.formats = new Formats(asked.find(isLocale) ?? "en", this.language);
    this.#texts = LANGUAGES[this.language];
    this.#plurals = new Intl.PluralRules(this.language);
  }

  #texts;
  #plurals;

  /**
   * The text of a key.
   * @param {Key} key
   * @param {Record<string, string | number>} [values] for its places; *count* picks the plural form
   */
  say(key, values = {}) {
    const found = this.#texts[key];
    const form = typeof found === "string" ? found : (found[this.#plurals.select(Number(values.count))] ?? found.other);
    return form.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.formats.number(value) : String(value ?? "");
    });
  }

  /** Whether there is such a text. @param {string} key @returns {key is Key} */
  has(key) {
    return key in this.#texts;
  }
}
