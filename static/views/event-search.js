// Events that were published, found by what is known of them.
import { html } from '../lib/html.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { Empty, Failure, Head, Loading, number, CopyCurl, Time } from '../lib/parts.js';
import { command, withQuery } from '../lib/api.js';
import { go, href } from '../lib/route.js';
import { Table } from '../lib/table.js';
import { readTime, timeMode } from '../lib/time.js';
import { useStore } from '../lib/store.js';

/** What may be asked for: our word in the address, the label, the hub's word. */
const FIELDS = [
  { name: 'type', label: 'type, or patterns', hub: 'event_type', hint: 'order.*, payment.#', grow: true },
  { name: 'source', label: 'source', hub: 'source' },
  { name: 'stream', label: 'stream', hub: 'stream_id' },
  { name: 'conversation', label: 'conversation', hub: 'correlation_id' },
  { name: 'since', label: 'since', hub: 'from_timestamp', hint: '15m, 12:00, 2026-05-01', time: true },
  { name: 'until', label: 'until', hub: 'to_timestamp', hint: '12:30', time: true },
  { name: 'from', label: 'from sequence', hub: 'from_sequence' },
  { name: 'to', label: 'to sequence', hub: 'to_sequence' },
];

/** What the hub is asked. @param {URLSearchParams} query */
function asked(query) {
  const fields = FIELDS.filter(field => query.get(field.name)).map(field => {
    const text = /** @type {string} */ (query.get(field.name));
    return [field.hub, field.time ? readTime(text) ?? text : field.name === 'type' ? text.replaceAll(/\s*,\s*/g, ',') : text];
  });
  return { ...Object.fromEntries(fields), order: query.get('order') === 'oldest' ? 'asc' : 'desc', limit: 100, payload: 'head' };
}

/** @param {{ query: URLSearchParams }} props */
export function EventSearch({ query }) {
  const pages = usePages('/v1/events', asked(query), 'events');
  useKeys({ '.': { text: 'look for new events', run: pages.again } });
  const submit = event => {
    event.preventDefault();
    const form = new FormData(event.target);
    go(href(['events', 'search'], Object.fromEntries([...form].map(([name, value]) => [name, String(value).trim()]))));
  };
  return html`
    <form class="filters" onSubmit=${submit} key=${query.toString()}>
      ${FIELDS.map(field => html`<${Field} key=${field.name} field=${field} value=${query.get(field.name) ?? ''} />`)}
      <div class="field"><label for="order">order</label><select id="order" name="order" defaultValue=${query.get('order') ?? ''}>
        <option value="">newest first</option><option value="oldest">oldest first</option></select></div>
      <div class="actions"><button type="submit" class="primary">find</button><a href=${href(['events', 'search'])}>clear</a>
        <${CopyCurl} of=${command('GET', withQuery('/v1/events', { ...asked(query), payload: 'full' }))} /></div>
    </form>
    <${Loading} of=${pages}><${Found} pages=${pages} query=${query} /><//>`;
}

/** @param {{ field: typeof FIELDS[number], value: string }} props */
function Field({ field, value }) {
  const mode = useStore(timeMode, now => now);
  const label = field.time ? `${field.label} (${mode === 'UTC' ? 'UTC' : 'local'})` : field.label;
  const id = `search-${field.name}`;
  return html`<div class=${`field ${field.grow ? 'grow' : ''}`}><label for=${id}>${label}</label>
    <input id=${id} name=${field.name} defaultValue=${value} placeholder=${field.hint} spellcheck="false" autocomplete="off" /></div>`;
}

/** @param {{ pages: any, query: URLSearchParams }} props */
function Found({ pages, query }) {
  if (pages.items.length === 0 && !pages.next) return html`<${Empty} what=${query.size > 0 ? 'No event matches all of this.' : 'No event has been published yet, or none is kept any more.'} />`;
  return html`
    <${EventTable} events=${pages.items} caption="events that were found" />
    <${More} pages=${pages} />`;
}

/** How far the hub has searched, and on. @param {{ pages: any }} props */
export function More({ pages }) {
  const searched = pages.last?.searched;
  return html`<p class="line-up">
    <span class="muted">${number(pages.items.length)} shown${searched ? `, ${number(searched.rows)} searched` : ''}</span>
    ${searched?.back_to && html`<span class="muted">back to <${Time} at=${searched.back_to} /></span>`}
    ${pages.next && html`<button type="button" disabled=${pages.loadingMore} onClick=${pages.next}>${searched && !searched.complete ? 'search on' : 'more'}</button>`}
    ${pages.moreError && html`<${Failure} error=${pages.moreError} again=${pages.next} />`}
  </p>`;
}

/** @param {{ events: any[], caption: string }} props */
export function EventTable({ events, caption }) {
  return html`<${Table} caption=${caption} rows=${events} id=${event => event.id} columns=${[
    { name: 'sequence', right: true, head: true, cell: event => html`<a href=${href(['events', event.id])}>${number(event.sequence)}</a>` },
    { name: 'at', cell: event => html`<${Time} at=${event.published_at} fine />` },
    { name: 'type', cell: event => html`<span class="cut">${event.event_type}</span>` },
    { name: 'source', cell: event => html`<span class="cut">${event.source}</span>` },
    { name: 'stream', cell: event => event.stream_id && html`<span class="cut">${event.stream_id} <span class="muted">v${event.stream_version}</span></span>` },
    { name: 'payload', wide: true, cell: event => html`<${Head} item=${event} />` },
  ]} />`;
}
