// Rows that are selected, one by one or up to another.
import { useState } from './html.js';

/**
 * What is selected, until something else is looked for.
 * @param {string[]} ids of the rows, in their order @param {string} of what was looked for
 */
export function useSelection(ids, of) {
  const [state, setState] = useState({ of, chosen: new Set(), last: /** @type {string | null} */ (null) });
  const held = state.of === of ? state : { chosen: new Set(), last: null };
  /** @param {string} id @param {boolean} upTo */
  const toggle = (id, upTo) => setState(latest => {
    // Two keys may be pressed before either is drawn.
    const { chosen, last } = latest.of === of ? latest : { chosen: new Set(), last: null };
    const next = new Set(chosen);
    const [from, to] = [last === null ? -1 : ids.indexOf(last), ids.indexOf(id)];
    if (upTo && from >= 0) for (const between of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(between);
    else if (!next.delete(id)) next.add(id);
    return { of, chosen: next, last: id };
  });
  return { chosen: held.chosen, toggle, clear: () => setState({ of, chosen: new Set(), last: null }) };
}
