/**
 * Refusals: what the server refused, in the reader's language by its code. The server's own words follow where they say
 * more than the code, and stand alone where the page does not know the code.
 */

import { QueueError } from "../server-queue.js";
import { causeOf } from "./looks.js";

/** The largest number that a catalog has for anything. */
const MOST_ID = 2_147_483_647;

/** @param {Error} error @param {import("./texts.js").Texts} texts @returns {string} */
export function refusalOf(error, texts) {
  if (!(error instanceof QueueError)) return error.message;
  const key = `refused.${error.code}`;
  const cause = causeOf(error.body?.failureCode, texts) || error.message;
  const words = texts.say(texts.has(key) ? key : "refused.other", { error: cause, most: MOST_ID });
  if (error.retryAfterMs === null) return words;
  return `${words} ${texts.say("refused.again", { time: texts.formats.duration(error.retryAfterMs / 1000) })}`;
}
