// Services: how each is and what waits for it; rows change in place, their order holds.
import { html } from '../lib/html.js';
import { usePages } from '../lib/load.js';
import { Empty, Loading, number, State, Time } from '../lib/parts.js';
import { amend, href } from '../lib/route.js';
import { Table } from '../lib/table.js';
import { More } from './event-search.js';
import { ServicePage } from './service.js';

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const name = route.steps[1];
  return name ? html`<${ServicePage} key=${name} name=${name} />` : html`<${List} query=${route.query} />`;
}

/** @param {number | null | undefined} age seconds @returns {string | null} since when */
export const since = age => (age === null || age === undefined ? null : new Date(Date.now() - age * 1000).toISOString());

const CHOICES = {
  health: ['', 'healthy', 'degraded', 'unhealthy', 'unknown'],
  circuit: ['', 'OPEN', 'HALF_OPEN', 'CLOSED'],
};

/** @param {{ query: URLSearchParams }} props */
function List({ query }) {
  const get = name => query.get(name) ?? '';
  const by = get('sort') || 'name';
  const pages = usePages('/v1/overview/services', { q: get('q'), health: get('health'), circuit: get('circuit'), sort: get('sort'), limit: 200 }, 'services');
  const submit = event => {
    event.preventDefault();
    amend(Object.fromEntries(new FormData(event.target)));
  };
  return html`<div class="title"><h1>Services</h1>${pages.value && html`<span class="muted">${number(pages.value.total)}</span>`}
      <div class="actions">${pages.at && html`<span class="muted">as it was at <${Time} at=${new Date(pages.at).toISOString()} /></span>`}
        <button type="button" onClick=${pages.again}>look again</button></div></div>
    <form class="filters" onSubmit=${submit} key=${query.toString()}>
      <div class="field"><label for="q">part of the name</label><input id="q" name="q" defaultValue=${get('q')} spellcheck="false" autocomplete="off" /></div>
      ${Object.entries(CHOICES).map(([name, words]) => html`<div class="field" key=${name}><label for=${name}>${name}</label>
        <select id=${name} name=${name} defaultValue=${get(name)}>${words.map(word => html`<option key=${word} value=${word} selected=${word === get(name)}>${word === '' ? 'any' : word.toLowerCase()}</option>`)}</select></div>`)}
      <button type="submit" class="primary">find</button>
    </form>
    <${Loading} of=${pages}>${pages.items?.length === 0
    ? html`<${Empty} what=${query.size > 0 ? 'No service is like this.' : 'No service has registered yet.'}
        command=${`curl ${new URL('v1/services/register', document.baseURI)} -d '{"service":"printer","url":"http://127.0.0.1:9001"}'`} />`
    : html`<${Table} caption="services" rows=${pages.items ?? []} id=${row => row.service} columns=${COLUMNS}
        sort=${{ by, order: by === 'name' ? 'asc' : 'desc', to: word => amend({ sort: word === 'name' ? null : word }) }} /><${More} pages=${pages} />`}<//>`;
}

const COLUMNS = [
  { name: 'service', head: true, sort: 'name', cell: row => html`<a class="cut" href=${href(['services', row.service])}>${row.service}</a>${row.queue === 'paused' && html` <span class="warn" title="paused">‖ paused</span>`}` },
  { name: 'health', cell: row => html`<${State} of=${row.health} />` },
  { name: 'instances', right: true, cell: row => `${row.available}/${row.instances}` },
  { name: 'circuit', cell: row => html`<${State} of=${row.circuit} />` },
  { name: 'queued', right: true, sort: 'queued', cell: row => number(row.queued) },
  { name: 'oldest', sort: 'oldest_age', cell: row => html`<${Time} at=${since(row.oldest_age)} />` },
  { name: 'retrying', right: true, cell: row => number(row.retrying) },
  { name: 'in /s', right: true, sort: 'in_rate', cell: row => row.in_rate.toFixed(1) },
  { name: 'out /s', right: true, sort: 'out_rate', cell: row => row.out_rate.toFixed(1) },
  { name: 'failed /s', right: true, sort: 'fail_rate', cell: row => row.fail_rate.toFixed(1) },
  { name: 'dead', right: true, sort: 'dead_letters', cell: row => number(row.dead_letters) },
];
