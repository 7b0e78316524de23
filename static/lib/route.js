// The address of what is shown: everything behind `#`, so that it works below any path.
import { createStore, useStore } from './store.js';

/**
 * @typedef {object} Route
 * @property {string[]} steps of the path, decoded: `#/services/printer` is ['services', 'printer']
 * @property {URLSearchParams} query
 */

/** @returns {Route} */
function read() {
  const [path, query = ''] = location.hash.replace(/^#/, '').split(/\?(.*)/s);
  const steps = path.split('/').filter(part => part !== '').map(part => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // A stray percent sign is itself.
    }
  });
  return { steps, query: new URLSearchParams(query) };
}

const current = createStore(read());
addEventListener('hashchange', () => current.set(read()));

/** @returns {Route} */
export function useRoute() {
  return useStore(current, route => route);
}

/**
 * The address of a view.
 * @param {string[]} steps @param {Record<string, any> | URLSearchParams} [query] what is empty is left out
 */
export function href(steps, query = {}) {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const given = entries.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${steps.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

/** @param {string} address as `href` gives it */
export function go(address) {
  location.hash = address;
}

/** Other words in the query of what is shown, without a step back to what it was. @param {Record<string, any>} changes */
export function amend(changes) {
  const { steps, query } = current.get();
  const next = Object.fromEntries(query);
  history.replaceState(null, '', href(steps, { ...next, ...changes }));
  current.set(read());
}
