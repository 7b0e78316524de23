// Subscriptions: who is sent which events, how far behind each is, and why.
import { html, useEffect } from '../lib/html.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { Empty, Loading, number, State, Time } from '../lib/parts.js';
import { amend, href } from '../lib/route.js';
import { onOwnEvent } from '../lib/socket.js';
import { Table } from '../lib/table.js';
import { More } from './event-search.js';
import { SubscriptionPage } from './subscription.js';

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const id = route.steps[1];
  return id ? html`<${SubscriptionPage} key=${id} id=${id} />` : html`<${List} query=${route.query} />`;
}

/** @param {string[]} patterns @returns {string} few in full, more by their number */
export const fewTypes = patterns => (patterns.length <= 3 ? patterns.join(', ') : `${patterns.slice(0, 2).join(', ')} and ${patterns.length - 2} more`);

/** @param {{ query: URLSearchParams }} props */
function List({ query }) {
  const service = query.get('service') ?? '';
  const pages = usePages('/v1/subscriptions', { service, limit: 200 }, 'subscriptions');
  useEffect(() => onOwnEvent(type => type.startsWith('subscription.') && pages.again()), [pages.again]);
  useKeys({ '.': { text: 'look again', run: pages.again } });
  const submit = event => {
    event.preventDefault();
    amend({ service: String(new FormData(event.target).get('service')).trim() });
  };
  return html`
    <div class="title"><h1>Subscriptions</h1>
      <div class="actions">${pages.at && html`<span class="muted">as it was at <${Time} at=${new Date(pages.at).toISOString()} /></span>`}
        <button type="button" onClick=${pages.again}>look again <kbd aria-hidden="true">.</kbd></button></div></div>
    <form class="filters" onSubmit=${submit}>
      <div class="field"><label for="service">service</label><input id="service" name="service" key=${service} defaultValue=${service} spellcheck="false" autocomplete="off" /></div>
      <button type="submit" class="primary">find</button>
    </form>
    <${Loading} of=${pages}>${pages.items?.length === 0
    ? html`<${Empty} what=${service ? `${service} has no subscription.` : 'Nobody has subscribed to events by callback, or by name over a socket.'}
        command=${`curl ${new URL('v1/subscriptions', document.baseURI)} -d '{"service":"guild","event_types":["character.*"],"callback_url":"http://10.0.0.5:8080/events"}'`} />`
    : html`<${Table} caption="subscriptions" rows=${worstFirst(pages.items ?? [])} id=${row => row.subscription_id} columns=${COLUMNS} /><${More} pages=${pages} />`}<//>`;
}

/** Of what was loaded those come first that need somebody; it is not sorted again while it is read. @param {any[]} rows */
function worstFirst(rows) {
  const rank = row => (row.state === 'gone' ? 0 : row.failures > 0 || row.state === 'circuit_open' ? 1 : row.state === 'paused' ? 2 : 3);
  return rows.map((row, i) => ({ row, i })).sort((a, b) => rank(a.row) - rank(b.row) || a.i - b.i).map(({ row }) => row);
}

/** @param {any} row */
export function stateOf(row) {
  if (row.name !== null && row.state === 'active') return row.connected ? html`<${State} of="active" />` : html`<${State} of="unknown" word="no socket" />`;
  return row.failures > 0 ? html`<${State} of=${row.state} word=${`${row.state.replace('_', ' ')} ${row.failures}`} />` : html`<${State} of=${row.state} />`;
}

const COLUMNS = [
  { name: 'service', head: true, cell: row => html`<a class="cut" href=${href(['subscriptions', row.subscription_id])}>${row.service}</a>` },
  { name: 'by', cell: row => (row.name === null ? 'callback' : html`socket <span class="muted">${row.name}</span>`) },
  { name: 'types', cell: row => html`<span class="cut" title=${row.event_types.join('\n')}>${fewTypes(row.event_types)}</span>` },
  { name: 'position', right: true, cell: row => number(row.position) },
  { name: 'behind', right: true, cell: row => number(row.lag) },
  { name: 'state', cell: stateOf },
  { name: 'next attempt', cell: row => row.next_attempt && html`<${Time} at=${row.next_attempt} />` },
  { name: 'last error', wide: true, cell: row => row.last_error },
];
