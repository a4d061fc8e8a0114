/**
 * Event streams: server-sent events read from the body of a response (HTML Living Standard, 9.2.6).
 *
 * `EventSource` hides what is needed here: the status of a refusal, and the comments that show that the line lives.
 */

/** @typedef {{event: string, data: string, id: string | null}} StreamEvent */

/**
 * The events of a stream, until it ends.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {() => void} heard called whenever something arrived, be it a comment
 * @returns {AsyncGenerator<StreamEvent, void, void>}
 */
export async function* readEvents(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = blank();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const lines = (rest + value).split("\n");
      rest = /** @type {string} */ (lines.pop());
      for (const line of lines) {
        if (line !== "" && line !== "\r") {
          take(event, line.endsWith("\r") ? line.slice(0, -1) : line);
        } else {
          if (event.data.length) yield { event: event.event, data: event.data.join("\n"), id: event.id };
          event = blank();
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @returns {{event: string, data: string[], id: string | null}} */
function blank() {
  return { event: "message", data: [], id: null };
}

/**
 * Add one line to the event that it belongs to; comments and what is unknown change nothing.
 * @param {{event: string, data: string[], id: string | null}} event
 * @param {string} line
 */
function take(event, line) {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
  if (name === "data") event.data.push(value);
  else if (name === "event") event.event = value;
  else if (name === "id") event.id = value;
}
