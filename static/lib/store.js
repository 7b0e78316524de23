// What several parts of the page know together: one value, and who wants to hear when it changes.
import { useEffect, useState } from './html.js';

/**
 * @template T
 * @typedef {object} Store
 * @property {() => T} get
 * @property {(change: T | ((now: T) => T)) => void} set
 * @property {(hear: () => void) => () => void} subscribe
 */

/**
 * @template T
 * @param {T} value
 * @returns {Store<T>}
 */
export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(change) {
      const next = typeof change === 'function' ? /** @type {(now: T) => T} */ (change)(value) : change;
      if (Object.is(next, value)) return;
      value = next;
      for (const hear of [...listeners]) hear();
    },
    subscribe(hear) {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
}

/**
 * Draws a view again when what it picks from a store has changed.
 * @template T, P
 * @param {Store<T>} store
 * @param {(value: T) => P} pick must give the same value again as long as nothing has changed
 * @returns {P}
 */
export function useStore(store, pick) {
  const [, draw] = useState({});
  const picked = pick(store.get());
  useEffect(() => {
    let last = picked;
    const hear = () => {
      const next = pick(store.get());
      if (Object.is(next, last)) return;
      last = next;
      draw({});
    };
    hear();
    return store.subscribe(hear);
  }, [store]);
  return picked;
}

/** A choice of the reader that the browser remembers. @param {string} name @param {string[]} words the first is the usual one */
export function createChoice(name, words) {
  const key = `message-hub ${name}`;
  const read = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // The browser keeps nothing for pages: the choice holds until it is closed.
    }
  };
  const kept = read();
  const store = createStore(kept !== null && words.includes(kept) ? kept : words[0]);
  store.subscribe(() => {
    try {
      localStorage.setItem(key, store.get());
    } catch {
      // As above.
    }
  });
  const next = () => store.set(now => words[(words.indexOf(now) + 1) % words.length]);
  return { ...store, words, next };
}
