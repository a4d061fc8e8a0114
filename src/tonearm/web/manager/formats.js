/**
 * Formats: numbers, sizes and times by a locale; what is made of words is in the language of the texts around it.
 */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** Writes figures for one locale. */
export class Formats {
  /** @param {string} locale @param {string} [language] that of the texts */
  constructor(locale, language = locale) {
    this.locale = locale;
    // Units and lists are words: those of the locale where it is one of the language.
    this.#words = locale.split("-")[0] === language ? locale : language;
    this.#whole = new Intl.NumberFormat(locale);
    this.#percent = new Intl.NumberFormat(locale, { style: "percent" });
    this.#time = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
    this.#hour = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    this.#minute = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    this.#list = new Intl.ListFormat(this.#words, { type: "conjunction" });
  }

  #words;
  #whole;
  #percent;
  #time;
  #hour;
  #minute;
  #day;
  #list;

  /** @param {number} value */
  number(value) {
    return this.#whole.format(value);
  }

  /** @param {number} share 0 to 1; it says 100 % only when all is there */
  percent(share) {
    return this.#percent.format(Math.floor(share * 100) / 100);
  }

  /** @param {string[]} items */
  list(items) {
    return this.#list.format(items);
  }

  /** @param {number} bytes */
  size(bytes) {
    return this.#inUnit(bytes, 0);
  }

  /** @param {number} bytes @param {number} least the smallest unit to use, as a place in UNITS */
  #inUnit(bytes, least) {
    let step = 0;
    let value = bytes;
    while ((value >= 999.5 || step < least) && step < UNITS.length - 1) {
      value /= 1000;
      step += 1;
    }
    const digits = value < 9.95 && step > 0 ? 1 : 0;
    return new Intl.NumberFormat(this.locale, {
      style: "unit",
      unit: UNITS[step],
      unitDisplay: step === 0 ? "long" : "short",
      maximumFractionDigits: digits,
    }).format(value);
  }

  /** @param {number} bytesPerSecond shown in kilobytes at least */
  speed(bytesPerSecond) {
    return `${this.#inUnit(bytesPerSecond, 1)}/s`;
  }

  /** @param {number} seconds in one or two units */
  duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    /** @type {[number, string][]} */
    const parts =
      whole < 60
        ? [[whole, "second"]]
        : whole < 3600
          ? [[Math.floor(whole / 60), "minute"], [whole % 60, "second"]]
          : whole < 86_400
            ? [[Math.floor(whole / 3600), "hour"], [Math.floor((whole % 3600) / 60), "minute"]]
            : [[Math.floor(whole / 86_400), "day"], [Math.floor((whole % 86_400) / 3600), "hour"]];
    return parts
      .filter(([value], place) => place === 0 || value > 0)
      .map(([value, unit]) => {
        return new Intl.NumberFormat(this.#words, { style: "unit", unit, unitDisplay: "short" }).format(value);
      })
      .join(" ");
  }

  /** @param {number} milliseconds a time of today */
  hour(milliseconds) {
    return this.#hour.format(milliseconds);
  }

  /** When it was, in short: of today the time, else the day. @param {number} milliseconds */
  when(milliseconds) {
    const today = this.#day.format(Date.now()) === this.#day.format(milliseconds);
    return (today ? this.#minute : this.#day).format(milliseconds);
  }

  /** @param {number} milliseconds a time of the server */
  time(milliseconds) {
    return this.#time.format(milliseconds);
  }
}
