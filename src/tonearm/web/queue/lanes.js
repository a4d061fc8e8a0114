/** Lanes: the same for many, a few at a time. */

/** How many are under way. */
const LANES = 4;

/**
 * Do it for each, in order.
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => Promise<void>} work which does not fail
 */
export async function inLanes(items, work) {
  let next = 0;
  const lane = async () => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
