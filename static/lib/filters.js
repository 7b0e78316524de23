// Forms that narrow a list: what they hold is in the address, and what the hub is asked follows from it.
import { html, useState } from './html.js';
import { go, href } from './route.js';
import { useStore } from './store.js';
import { readTime, timeMode } from './time.js';

/**
 * @typedef {object} Filter
 * @property {string} name in the address
 * @property {string} label
 * @property {string} hub the word of the hub
 * @property {string} [hint]
 * @property {string[]} [words] one of these
 * @property {boolean} [time]
 * @property {boolean} [grow] takes what room there is
 * @property {boolean} [rare] shown only when it is asked for
 */

/**
 * What the hub is asked, by its own words. A time that is none goes as it is, so that the hub names it.
 * @param {Filter[]} filters @param {URLSearchParams} query @returns {Record<string, string>}
 */
export function asked(filters, query) {
  return Object.fromEntries(filters.filter(({ name }) => query.get(name)).map(({ name, hub, time }) => {
    const text = /** @type {string} */ (query.get(name));
    return [hub, time ? readTime(text) ?? text : text];
  }));
}

/** @param {{ filters: Filter[], query: URLSearchParams, steps: string[], children?: any }} props `steps`: of the view it leads to */
export function FilterForm({ filters, query, steps, children }) {
  const of = query.toString();
  // What is being written holds until the address says something else; the fields stay, and with them the focus.
  const [draft, setDraft] = useState({ of, values: /** @type {Record<string, string>} */ ({}) });
  const written = draft.of === of ? draft.values : {};
  const value = name => written[name] ?? query.get(name) ?? '';
  const write = (name, text) => setDraft({ of, values: { ...written, [name]: text } });
  const submit = event => {
    event.preventDefault();
    go(href(steps, Object.fromEntries(filters.map(({ name }) => [name, value(name).trim()]))));
  };
  const leave = event => {
    if (event.key === 'Escape') event.target.blur();
  };
  const [often, rare] = [filters.filter(filter => !filter.rare), filters.filter(filter => filter.rare)];
  const draw = filter => html`<${FilterField} key=${filter.name} filter=${filter} value=${value(filter.name)} write=${text => write(filter.name, text)} />`;
  return html`<form class="stack narrowing" onSubmit=${submit} onKeyDown=${leave} aria-label="filter">
    <div class="filters">${often.map(draw)}
      <div class="actions"><button type="submit" class="primary">find</button><a href=${href(steps)}>clear</a>${children}</div></div>
    ${rare.length > 0 && html`<details open=${rare.some(({ name }) => query.get(name))}><summary>more to find by</summary><div class="filters">${rare.map(draw)}</div></details>`}
  </form>`;
}

/** @param {{ filter: Filter, value: string, write: (text: string) => void }} props */
function FilterField({ filter, value, write }) {
  const mode = useStore(timeMode, now => now);
  const { hint, words, time, grow } = filter;
  const label = time ? `${filter.label} (${mode === 'UTC' ? 'UTC' : 'local'})` : filter.label;
  // No names: a form has its fields' names as members, and one that is called `contains` would hide its own.
  const id = `filter-${filter.name}`;
  return html`<div class=${`field ${grow ? 'grow' : ''}`}><label for=${id}>${label}</label>${words
    ? html`<select id=${id} value=${value} onChange=${event => write(event.target.value)}>
        <option value="">any</option>
        ${words.map(word => html`<option key=${word} value=${word}>${word.toLowerCase().replaceAll('_', ' ')}</option>`)}
      </select>`
    : html`<input id=${id} value=${value} onInput=${event => write(event.target.value)} placeholder=${hint} spellcheck="false" autocomplete="off" />`}</div>`;
}
