// Services: how each is and what waits for it; rows change in place, their order holds.
import { html, useEffect } from '../lib/html.js';
import { command, mayAct, withQuery } from '../lib/api.js';
import { FilterForm } from '../lib/filters.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { CopyCurl, curlKey, Empty, Loading, number, State, Time } from '../lib/parts.js';
import { amend, href } from '../lib/route.js';
import { FOLLOWED, useLiveRows } from '../lib/rows.js';
import { useSelection } from '../lib/selection.js';
import { onOwnEvent } from '../lib/socket.js';
import { Table } from '../lib/table.js';
import { More } from './event-search.js';
import { useFresh } from './fresh.js';
import { clearQueues, pauseQueues, resumeQueues } from './queue-actions.js';
import { ServicePage } from './service.js';

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const name = route.steps[1];
  return name ? html`<${ServicePage} key=${name} name=${name} />` : html`<${List} query=${route.query} />`;
}

/** @type {import('../lib/filters.js').Filter[]} */
const FILTERS = [
  { name: 'q', label: 'part of the name', hub: 'q' },
  { name: 'health', label: 'health', hub: 'health', words: ['healthy', 'degraded', 'unhealthy', 'unknown'] },
  { name: 'circuit', label: 'circuit', hub: 'circuit', words: ['OPEN', 'HALF_OPEN', 'CLOSED'] },
  { name: 'queue', label: 'queue', hub: 'queue', words: ['running', 'paused'] },
];

/** @param {{ query: URLSearchParams }} props */
function List({ query }) {
  const get = name => query.get(name) ?? '';
  const by = get('sort') || 'name';
  const filter = Object.fromEntries(FILTERS.map(({ name }) => [name, get(name)]));
  const pages = usePages('/v1/overview/services', { ...filter, sort: get('sort'), limit: FOLLOWED }, 'services');
  const items = pages.items ?? [];
  const rows = useLiveRows(items);
  const selection = useSelection(items.map(row => row.service), query.toString());
  const fresh = useFresh(pages.at);
  useEffect(() => onOwnEvent(type => type === 'service.registered' && fresh.one()), [fresh.one]);
  const selected = rows.filter(row => selection.chosen.has(row.service));
  const running = selected.filter(row => row.queue !== 'paused');
  const request = command('GET', withQuery('/v1/overview/services', { ...filter, sort: get('sort') }));
  useKeys({
    '.': { text: 'look again', run: pages.again }, ...curlKey(request),
    ...(mayAct() && running.length > 0 ? { p: { text: 'pause the queues that are selected', run: () => pauseQueues(running) } } : {}),
  });
  const isFiltered = Object.values(filter).some(value => value !== '');
  return html`<div class="title"><h1>Services</h1>${pages.value && html`<span class="muted">${number(pages.value.total)}</span>`}
      <div class="actions">${by !== 'name' && pages.at && html`<span class="muted">in the order of <${Time} at=${new Date(pages.at).toISOString()} /></span>`}
        <button type="button" onClick=${pages.again}>${fresh.count > 0 ? `${number(fresh.count)} registered since` : 'look again'} <kbd aria-hidden="true">.</kbd></button></div></div>
    <${FilterForm} filters=${FILTERS} query=${query} steps=${['services']}><${CopyCurl} of=${request} /><//>
    <${Loading} of=${pages}>${items.length === 0
    ? html`<${Empty} what=${isFiltered ? 'No service is like this.' : 'No service has registered yet.'}
        command=${isFiltered ? undefined : `curl ${new URL('v1/services/register', document.baseURI)} -d '{"service":"printer","url":"http://127.0.0.1:9001"}'`} />`
    : html`<${Table} caption="services" rows=${rows} id=${row => row.service} columns=${COLUMNS} selection=${mayAct() ? selection : undefined} tone=${row => (row.removed ? 'dimmed' : '')}
        sort=${{ by, order: by === 'name' ? 'asc' : 'desc', to: word => amend({ sort: word === 'name' ? null : word }) }} />
      ${mayAct() && html`<${Selected} rows=${selected} clear=${selection.clear} />`}
      <${More} pages=${pages} />${items.length > FOLLOWED && html`<p class="muted">The first ${number(FOLLOWED)} follow live; the others are as they were asked for.</p>`}`}<//>`;
}

/** What can be done with all of them at once. @param {{ rows: any[], clear: () => void }} props */
function Selected({ rows, clear }) {
  if (rows.length === 0) return null;
  const [paused, running] = [rows.filter(row => row.queue === 'paused'), rows.filter(row => row.queue !== 'paused')];
  return html`<div class="actions selected" role="group" aria-label="what to do with them"><b>${number(rows.length)} selected:</b>
    ${running.length > 0 && html`<button type="button" onClick=${() => pauseQueues(running)}>pause… <kbd aria-hidden="true">p</kbd></button>`}
    ${paused.length > 0 && html`<button type="button" onClick=${() => resumeQueues(paused)}>resume…</button>`}
    <button type="button" onClick=${() => clearQueues(rows)}>clear…</button>
    <button type="button" class="quiet" onClick=${clear}>select none</button></div>`;
}

/** @param {any} row */
const circuit = row => html`<${State} of=${row.circuit} />${row.circuit === 'OPEN' && row.open_until && html` <small class="muted">until <${Time} at=${row.open_until} /></small>`}`;

const COLUMNS = [
  { name: 'service', head: true, sort: 'name', cell: row => html`<a class="cut" href=${href(['services', row.service])}>${row.service}</a>${row.queue === 'paused' && html` <span class="warn">‖ paused</span>`}${row.removed && html` <span class="muted">gone</span>`}` },
  { name: 'health', cell: row => html`<${State} of=${row.health} />` },
  { name: 'instances', right: true, cell: row => `${row.available}/${row.instances}` },
  { name: 'circuit', cell: circuit },
  { name: 'queued', right: true, sort: 'queued', cell: row => number(row.queued) },
  { name: 'oldest since', sort: 'oldest_age', cell: row => html`<${Time} at=${row.oldest_at} />` },
  { name: 'retrying', right: true, cell: row => number(row.retrying) },
  { name: 'in /s', right: true, sort: 'in_rate', cell: row => row.in_rate.toFixed(1) },
  { name: 'out /s', right: true, sort: 'out_rate', cell: row => row.out_rate.toFixed(1) },
  { name: 'failed /s', right: true, sort: 'fail_rate', cell: row => row.fail_rate.toFixed(1) },
  { name: 'dead', right: true, sort: 'dead_letters', cell: row => number(row.dead_letters) },
];
