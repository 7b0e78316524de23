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
  const toggle = (id, upTo) => {
    const next = new Set(held.chosen);
    const [from, to] = [held.last === null ? -1 : ids.indexOf(held.last), ids.indexOf(id)];
    if (upTo && from >= 0) for (const between of ids.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(between);
    else if (!next.delete(id)) next.add(id);
    setState({ of, chosen: next, last: id });
  };
  return { chosen: held.chosen, toggle, clear: () => setState({ of, chosen: new Set(), last: null }) };
}
