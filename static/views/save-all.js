// All that matches as a file: read page by page, until somebody stops it.
import { html, useEffect, useRef, useState } from '../lib/html.js';
import { announce } from '../lib/announce.js';
import { readAll } from '../lib/lines.js';
import { Failure, number } from '../lib/parts.js';
import { save } from '../lib/save.js';

/** @param {{ path: string, query: Record<string, any>, list: string }} props give it a key that changes with the query */
export function SaveAll({ path, query, list }) {
  const [state, setState] = useState(/** @type {{ count?: number, told?: string, error?: any }} */ ({}));
  const abort = useRef(/** @type {AbortController | null} */ (null));
  useEffect(() => () => abort.current?.abort(), []);
  const start = async () => {
    const { signal } = abort.current = new AbortController();
    setState({ count: 0 });
    try {
      const { content, count, complete } = await readAll(path, query, list, { signal, heard: read => signal.aborted || setState({ count: read }) });
      save(content, `${list}.ndjson`);
      const told = complete ? `${number(count)} saved` : `the first ${number(count)} saved; a program reads all by next_cursor`;
      announce(told);
      setState({ told });
    } catch (error) {
      setState(signal.aborted ? {} : { error });
    }
  };
  if (state.count !== undefined) {
    return html`<span class="line-up"><span role="status">${number(state.count)} read …</span><button type="button" onClick=${() => abort.current?.abort()}>stop</button></span>`;
  }
  return html`<span class="line-up"><button type="button" class="quiet" onClick=${start}>all that match as NDJSON</button>
    ${state.told && html`<span class="muted" role="status">${state.told}</span>`}${state.error && html`<${Failure} error=${state.error} />`}</span>`;
}
