/**
 * The session: which key this browser has logged in with. The session itself is a cookie that no script can read; its
 * name, its scope and its end are kept beside it, so that a page knows after a reload that there is one to end.
 */

/** @typedef {{name: string, scope: "read" | "submit" | "control" | "admin", expiresAt: number}} Session */

/** @param {URL} base where the queue is @returns {Session | null} */
export function readSession(base) {
  try {
    return JSON.parse(localStorage.getItem(named(base)) ?? "null");
  } catch {
    return null; // a browser that keeps nothing, or something else that lies there
  }
}

/** @param {URL} base @param {Session | null} session null: there is none any more */
export function keepSession(base, session) {
  try {
    if (session) localStorage.setItem(named(base), JSON.stringify(session));
    else localStorage.removeItem(named(base));
  } catch {
    // the cookie counts; what is lost is the button that ends it after a reload
  }
}

/** @param {URL} base */
function named(base) {
  return `tonearm.session ${base.href}`;
}
