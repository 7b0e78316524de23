// Single keys: which there are now, and one switch that turns them off.
import { useLayoutEffect } from './html.js';
import { createChoice } from './store.js';

export const keysWanted = createChoice('keys', ['on', 'off']);

/** What each key does in words, for the help. @typedef {Record<string, { text: string, run: (event: KeyboardEvent) => void }>} Keys */
/** The last that came wins: a dialog's before a view's, a view's before the page's. @type {{ of: Keys }[]} */
const layers = [];
/** A `g` waits so long for the letter of a view, in milliseconds. */
const SEQUENCE = 1500;
let begun = 0;

/** @param {KeyboardEvent} event */
function isWriting(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** @param {KeyboardEvent} event */
function press(event) {
  if (keysWanted.get() === 'off' || event.ctrlKey || event.metaKey || event.altKey || isWriting(event)) return;
  if (document.querySelector('dialog[open]') && event.key !== '?') return;
  const after = begun > Date.now() - SEQUENCE ? 'g ' : '';
  begun = 0;
  const name = `${after}${event.shiftKey && event.key.length === 1 && /[a-z]/i.test(event.key) ? `Shift+${event.key.toUpperCase()}` : event.key}`;
  const layer = layers.findLast(candidate => name in candidate.of);
  if (layer) {
    event.preventDefault();
    layer.of[name].run(event);
  } else if (name === 'g') begun = Date.now();
}
addEventListener('keydown', press);

/** Keys that hold as long as a view is shown, from the moment it is: the next may be pressed before it is painted. @param {Keys} keys */
export function useKeys(keys) {
  useLayoutEffect(() => {
    const layer = { of: keys };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  });
}

/** All that hold now, for the help. */
export function heldKeys() {
  return Object.entries(Object.assign({}, ...layers.map(layer => layer.of))).map(([key, { text }]) => ({ key, text }));
}

/** Moves the focus from row to row. @param {number} by */
function moveRow(by) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('main [data-row]')]);
  if (rows.length === 0) return;
  const here = rows.findIndex(row => row.contains(document.activeElement));
  const to = rows[Math.max(0, Math.min(rows.length - 1, here < 0 ? 0 : here + by))];
  to.focus();
  to.scrollIntoView({ block: 'nearest' });
}

/** @type {Keys} */
export const ROW_KEYS = {
  j: { text: 'next row', run: () => moveRow(1) },
  k: { text: 'row before', run: () => moveRow(-1) },
};
