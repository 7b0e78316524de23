// The hub itself: how its parts are, what it stores, what of its limits is used, who has quotas, sockets and keys.
import { html } from '../lib/html.js';
import { mayAct, session } from '../lib/api.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer, usePages } from '../lib/load.js';
import { bytes, Empty, Facts, Loading, number, State, Tabs, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { useStore } from '../lib/store.js';
import { Table } from '../lib/table.js';
import { span } from '../lib/time.js';
import { More } from './event-search.js';
import { dropQuota, editQuota } from './quota.js';

const TABS = [['Parts', ''], ['Limits', 'limits'], ['Quotas', 'quotas'], ['Sockets', 'sockets'], ['Keys', 'keys']];
const SHOWN = { '': Parts, limits: Limits, quotas: Quotas, sockets: Sockets, keys: Keys };

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const tab = route.steps[1] ?? '';
  const Shown = SHOWN[tab] ?? Parts;
  return html`
    <div class="title"><h1>Hub</h1></div>
    <${Tabs} label="the hub" of=${TABS.map(([name, word]) => ({ name, to: href(word === '' ? ['hub'] : ['hub', word]), here: word === tab }))} />
    <${Shown} />`;
}

const NAMES = {
  message_queue: 'queues', event_store: 'events', service_registry: 'services', circuits: 'circuits', journal: 'journal', archive: 'archive',
  disk: 'disk', connections: 'connections', clock: 'clock',
};
/** What is said of each part, in words; what is not named here is shown as it came. @type {Record<string, [string, (value: any, all: any) => any]>} */
const WORDS = {
  queue_depth: ['waiting', number], in_flight: ['in flight', number], consumers: ['consumers', number], events: ['events', number],
  lag_records: ['records not yet archived', number], registered_services: ['services', number], open: ['open', number], half_open: ['half open', number],
  bytes: ['size', bytes], syncs: ['syncs', number], records: ['records', number], last_sync_at: ['last sync', at => html`<${Time} at=${at} />`],
  last_sync_ms: ['it took', ms => `${ms} ms`], short_of: ['short of', value => value], free_bytes: ['free', bytes], most: ['at most', number],
  refused: ['refused', number], ahead_seconds: ['ahead', seconds => span(seconds)], pauses: ['pauses', number], lost_before: ['lost before', value => value],
  paused: ['paused', value => pausedWords(value)], not_closed: ['not closed', list => list.map(notClosed)],
  messages: ['messages', counts => Object.entries(counts).map(([state, count]) => `${number(count)} ${state}`).join(', ')],
};

/** Those of callbacks belong to an origin, which has no page. @param {{ circuit: string, state: string, reason: string | null }} one */
function notClosed({ circuit, state, reason }) {
  const name = circuit.startsWith('callback:') ? circuit : html`<a href=${href(['services', circuit])}>${circuit}</a>`;
  return html`<span key=${circuit} title=${reason ?? undefined}>${name} <${State} of=${state} /> </span>`;
}

/** @param {any} paused */
function pausedWords(paused) {
  if (paused.all) return html`everything, since <${Time} at=${paused.all.since ?? paused.all} />`;
  return paused.count === 0 ? 'nothing' : `${number(paused.count)} ${paused.count === 1 ? 'queue' : 'queues'}`;
}

/** @param {string} name @param {any} value @param {any} all */
function fact(name, value, all) {
  if (name === 'status' || value === null || (Array.isArray(value) && value.length === 0)) return null;
  const [word, show] = WORDS[name] ?? [name.replaceAll('_', ' '), one => (typeof one === 'object' ? JSON.stringify(one) : String(one))];
  return /** @type {[string, any]} */ ([word, show(value, all)]);
}

function Parts() {
  const answer = useAnswer('/health/details');
  const who = useStore(session, value => value);
  useKeys({ '.': { text: 'look again', run: answer.again } });
  const { value } = answer;
  return html`<${Loading} of=${answer}>${value && html`<div class="stack">
    <div class="line-up"><${State} of=${value.status} /><span>version ${value.version}</span>
      <span>${who && html`runs since <${Time} at=${who.started_at} />`}</span>
      ${answer.at && html`<span class="muted">as it was at <${Time} at=${new Date(answer.at).toISOString()} /></span>`}
      <button type="button" onClick=${answer.again}>look again <kbd aria-hidden="true">.</kbd></button></div>
    ${(value.set_but_unused ?? []).length > 0 && html`<p class="warning">Set in the configuration, and used by nothing: ${value.set_but_unused.map(key => html`<code key=${key}>${key}</code> `)}</p>`}
    <div class="panels">${Object.entries(value.components).map(([name, part]) => html`<section class="panel stack" key=${name} aria-label=${NAMES[name] ?? name}>
      <div class="line-up"><h2>${NAMES[name] ?? name}</h2><${State} of=${part.status} /></div>
      <${Facts} of=${Object.entries(part).map(([key, one]) => fact(key, one, part)).filter(Boolean)} />
    </section>`)}</div>
    <p class="muted">For programs: <a href="health/details">/health/details</a>, <a href="metrics">/metrics</a>, <a href="docs/">/docs</a></p>
  </div>`}<//>`;
}

function Limits() {
  const answer = useAnswer('/v1/limits');
  const amount = row => (row.limit.endsWith('_bytes') ? bytes : number);
  /** What the fullest has, of what one may have. */
  const fullest = row => row.largest?.[0]?.used ?? row.used ?? 0;
  const part = row => fullest(row) / (row.share ?? row.most);
  return html`<${Loading} of=${answer}>${answer.value && html`<${Table} caption="limits" rows=${answer.value.limits} id=${row => row.limit} tone=${row => (part(row) >= 0.9 ? 'bad-row' : '')} columns=${[
    { name: 'limit', head: true, cell: row => html`<code>${row.limit}</code>` },
    { name: 'most', right: true, cell: row => amount(row)(row.most) },
    { name: 'for one', right: true, cell: row => row.share !== null && amount(row)(row.share) },
    { name: 'used', right: true, cell: row => row.used !== null && amount(row)(row.used) },
    { name: 'full', right: true, cell: row => (row.used === null ? '–' : html`<span class=${part(row) >= 0.9 ? 'bad' : ''}>${Math.round(part(row) * 100)} %</span>`) },
    { name: 'largest', wide: true, cell: row => (row.largest ?? []).map(one => `${one.peer} ${amount(row)(one.used)}`).join(', ') },
  ]} />`}<//>`;
}

function Quotas() {
  const pages = usePages('/v1/quotas', { limit: 200 }, 'items');
  const actions = { name: '', cell: row => html`<button type="button" class="quiet" aria-label=${`change the quota of ${row.service}`} onClick=${() => editQuota(row.service, row, pages.again)}>change…</button>
    ${row.source === 'api' && html`<button type="button" class="quiet" aria-label=${`drop the quota of ${row.service}`} onClick=${() => dropQuota(row.service, pages.again)}>drop…</button>`}` };
  return html`${mayAct() && html`<div class="actions"><button type="button" onClick=${() => editQuota(null, null, pages.again)}>set a quota…</button></div>`}
    <${Loading} of=${pages}>${pages.items?.length === 0
    ? html`<${Empty} what="No service has a quota." command=${`curl -X PUT ${new URL('v1/quotas/shop', document.baseURI)} -d '{"send_rate":100}'`} />`
    : html`<${Table} caption="quotas" rows=${pages.items ?? []} id=${row => row.service} columns=${[
      { name: 'service', head: true, cell: row => html`<a href=${href(['services', row.service])}>${row.service}</a>` },
      { name: 'sends /s', right: true, cell: row => number(row.send_rate) },
      { name: 'burst', right: true, cell: row => number(row.send_burst) },
      { name: 'is sent /s', right: true, cell: row => number(row.deliver_rate) },
      { name: 'in flight', right: true, cell: row => number(row.max_in_flight) },
      { name: 'waiting', right: true, cell: row => bytes(row.max_waiting_bytes) },
      { name: 'requests /s', right: true, cell: row => number(row.request_rate) },
      { name: 'set by', cell: row => (row.source === 'api' ? 'request' : 'configuration') },
      ...(mayAct() ? [actions] : []),
    ]} /><${More} pages=${pages} />`}<//>`;
}

function Sockets() {
  const pages = usePages('/v1/sockets', { limit: 200 }, 'sockets');
  useKeys({ '.': { text: 'look again', run: pages.again } });
  return html`<${Loading} of=${pages}>${pages.items?.length === 0 ? html`<${Empty} what="No socket is open." />` : html`<${Table} caption="sockets" rows=${pages.items ?? []} id=${row => row.id} columns=${[
    { name: 'who', head: true, cell: row => row.service ?? html`<span class="muted">nobody with a name</span>` },
    { name: 'from', cell: row => row.peer },
    { name: 'open since', cell: row => html`<${Time} at=${row.since} />` },
    { name: 'last used', cell: row => html`<${Time} at=${row.last_used_at} />` },
    { name: 'in flight', right: true, cell: row => number(row.in_flight) },
    { name: 'takes messages for', cell: row => row.consumers.map(one => `${one.service} (${number(one.credit)} more)`).join(', ') },
    { name: 'events', wide: true, cell: row => row.subscriptions.map(one => `${one.name ?? 'unnamed'}, ${one.patterns} ${one.patterns === 1 ? 'pattern' : 'patterns'}, up to ${number(one.sent)}`).join('; ') },
  ]} /><${More} pages=${pages} />`}<//>`;
}

function Keys() {
  const pages = usePages('/v1/service-keys', { limit: 200 }, 'items');
  return html`<${Loading} of=${pages}>${pages.items?.length === 0 ? html`<${Empty} what="No service has a key: everybody who reaches the hub may do everything." /><p class="muted">Keys stand in <code>service_keys</code> of the configuration.</p>` : html`<${Table} caption="keys" rows=${pages.items ?? []} id=${row => row.service} columns=${[
    { name: 'service', head: true, cell: row => row.service },
    { name: 'may', cell: row => (row.operator ? 'do everything' : row.viewer ? 'see everything' : 'act for itself') },
    { name: 'keys, last used', wide: true, cell: row => row.keys.map(key => html`<span key=${key.place}>${key.place}: ${key.last_used_at ? html`<${Time} at=${key.last_used_at} />` : html`<span class="warn">not since the hub started</span>`} </span>`) },
  ]} /><${More} pages=${pages} />`}<//>`;
}
