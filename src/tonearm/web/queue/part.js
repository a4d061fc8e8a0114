/** Parts: a store of one part of another's state. */

/**
 * A store which tells only when that part is another.
 * @template State, Part
 * @param {(subscriber: (state: State) => void) => () => void} subscribe that of the whole
 * @param {(state: State) => Part} part
 * @returns {{subscribe: (subscriber: (part: Part) => void) => () => void}}
 */
export function partOf(subscribe, part) {
  return {
    subscribe: (subscriber) => {
      /** @type {string | undefined} */
      let told;
      return subscribe((state) => {
        const now = part(state);
        const text = JSON.stringify(now);
        if (text !== told) subscriber(now);
        told = text;
      });
    },
  };
}
