// What a view asks the hub for: the answer, or why there is none; what was there stays while it is asked again.
import { useCallback, useEffect, useRef, useState } from './html.js';
import { get } from './api.js';

/** A bar is shown when an answer takes longer than this, in milliseconds: what is quicker would only flicker. */
const SLOW = 300;

/**
 * @template T
 * @typedef {object} Loaded
 * @property {T | undefined} value the last good answer
 * @property {import('./api.js').Refusal | undefined} error of the last request
 * @property {boolean} loading
 * @property {boolean} slow it has been loading so long that it has to be said
 * @property {number | undefined} at when `value` came, in milliseconds
 * @property {() => void} again
 * @property {(change: (value: T) => T) => void} amend
 */

/**
 * Asks when it is first drawn and whenever path or query change.
 * @template [T=any]
 * @param {string | null} path null: nothing is asked
 * @param {Record<string, any>} [query]
 * @param {{ keep?: string[], read?: (answer: any) => T }} [options] `read`: what is kept of an answer
 * @returns {Loaded<T>}
 */
export function useAnswer(path, query = {}, options = {}) {
  const key = JSON.stringify([path, query]);
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState(/** @type {any} */ ({ key, loading: path !== null, slow: false }));
  const kept = useRef(state);
  const put = change => {
    kept.current = { ...kept.current, ...change };
    setState(kept.current);
  };
  useEffect(() => {
    if (path === null) {
      put({ key, value: undefined, error: undefined, loading: false, slow: false });
      return undefined;
    }
    const abort = new AbortController();
    const other = kept.current.path !== path;
    put({ key, path, loading: true, slow: false, ...(other ? { value: undefined, error: undefined } : {}) });
    const timer = setTimeout(() => put({ slow: true }), SLOW);
    get(path, query, { signal: abort.signal, keep: options.keep }).then(
      answer => put({ value: options.read ? options.read(answer) : answer, error: undefined, loading: false, slow: false, at: Date.now() }),
      error => abort.signal.aborted || put({ error, loading: false, slow: false }),
    ).finally(() => clearTimeout(timer));
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, turn]);
  const again = useCallback(() => setTurn(count => count + 1), []);
  const amend = useCallback(change => put({ value: change(kept.current.value) }), []);
  return { ...state, again, amend };
}

/**
 * A list that is read page by page: what further pages bring is put behind what is there.
 * @param {string | null} path @param {Record<string, any>} query @param {string} name of the list in the answer
 */
export function usePages(path, query, name) {
  const first = useAnswer(path, query);
  const key = JSON.stringify([path, query]);
  const [more, setMore] = useState(/** @type {any} */ ({ key }));
  const rest = more.key === key && more.first === first.value ? more : { items: [], pages: 0 };
  const last = rest.last ?? first.value;
  const next = async () => {
    const base = { ...rest, key, first: first.value };
    setMore({ ...base, loading: true });
    try {
      const answer = await get(/** @type {string} */ (path), { ...query, cursor: last.next_cursor });
      setMore({ ...base, items: [...rest.items, ...answer[name]], last: answer, loading: false, error: undefined });
    } catch (error) {
      setMore({ ...base, loading: false, error });
    }
  };
  return {
    ...first,
    items: first.value === undefined ? undefined : [...first.value[name], ...rest.items],
    last,
    next: last?.next_cursor ? next : undefined,
    loadingMore: rest.loading === true,
    moreError: rest.error,
  };
}
