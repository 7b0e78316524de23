// Messages: those that are still owed and those that are settled, found by what is known of them.
import { html } from '../lib/html.js';
import { command, mayAct, step, withQuery } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { asked, FilterForm } from '../lib/filters.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { CopyCurl, curlKey, Empty, Head, Loading, number, State, Time, withTimes } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { useSelection } from '../lib/selection.js';
import { Table } from '../lib/table.js';
import { More } from './event-search.js';
import { redrive } from './letter-jobs.js';
import { MessagePage } from './message.js';
import { useAcceptedSince } from './newcomers.js';
import { SaveAll } from './save-all.js';

const STATES = ['parked', 'queued', 'retrying', 'scheduled', 'delivering', 'delivered', 'dead', 'expired', 'cancelled'];
const PRIORITIES = ['CRITICAL', 'HIGH', 'NORMAL', 'LOW', 'DEFERRED'];
/** @type {import('../lib/filters.js').Filter[]} */
const FILTERS = [
  { name: 'state', label: 'state', hub: 'state', words: STATES },
  { name: 'to', label: 'to', hub: 'destination' },
  { name: 'from', label: 'from', hub: 'source' },
  { name: 'type', label: 'type', hub: 'type' },
  { name: 'since', label: 'since', hub: 'since', hint: '15m, 12:00, 2026-05-01', time: true },
  { name: 'contains', label: 'payload contains', hub: 'payload_contains', grow: true },
  { name: 'until', label: 'until', hub: 'until', hint: '12:30', time: true, rare: true },
  { name: 'priority', label: 'priority', hub: 'priority', words: PRIORITIES, rare: true },
  { name: 'conversation', label: 'conversation', hub: 'correlation_id', rare: true },
  { name: 'error', label: 'error contains', hub: 'error_contains', rare: true },
  { name: 'at', label: 'payload at JSON pointer', hub: 'payload_at', hint: '/order/id', rare: true },
  { name: 'is', label: 'is JSON', hub: 'payload_is', hint: '7 or "paid"', rare: true },
];

/** States in which a message is a dead letter. */
const GIVEN_UP = ['dead', 'expired'];
/** What messages and dead letters are found by alike. */
const ALIKE = ['to', 'from', 'type', 'conversation'];

/** Where jobs take all that match, and not what is selected. @param {URLSearchParams} query */
const asLetters = query => href(['dead', 'letters'], { ...Object.fromEntries(ALIKE.map(name => [name, query.get(name)])), contains: query.get('error') });

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const id = route.steps[1];
  return id ? html`<${MessagePage} key=${id} id=${id} />` : html`<${MessageList} query=${route.query} />`;
}

/** @param {{ query: URLSearchParams }} props */
function MessageList({ query }) {
  const wanted = asked(FILTERS, query);
  const pages = usePages('/v1/messages', { ...wanted, limit: 100, payload: 'head' }, 'messages');
  const come = useAcceptedSince(pages.at);
  const request = command('GET', withQuery('/v1/messages', wanted));
  const items = pages.items ?? [];
  const selection = useSelection(items.map(message => message.id), query.toString());
  const acts = mayAct() ? actsOn(items.filter(message => selection.chosen.has(message.id)), pages.again) : [];
  useKeys({
    '.': { text: 'show new messages', run: pages.again }, ...curlKey(request),
    ...Object.fromEntries(acts.filter(act => act.key).map(act => [act.key, { text: `${act.name} what is selected`, run: act.run }])),
  });
  const narrowed = Object.keys(wanted).length > 0;
  return html`
    <div class="title"><h1>Messages</h1>
      <div class="actions">${pages.at && html`<span class="muted">as it was at <${Time} at=${new Date(pages.at).toISOString()} /></span>`}
        <button type="button" onClick=${pages.again}>${come > 0 ? `${number(come)} accepted since` : 'look again'} <kbd aria-hidden="true">.</kbd></button></div></div>
    <${FilterForm} filters=${FILTERS} query=${query} steps=${['messages']}><${CopyCurl} of=${request} /><//>
    ${query.get('id') && html`<p class="warning">Nothing here has the id <code>${query.get('id')}</code>: no message, dead letter, event, subscription or conversation. What is settled is kept only as long as <code>archive</code> of the configuration says.</p>`}
    <${Loading} of=${pages}>${pages.items?.length === 0 && !pages.next
    ? html`<${Nothing} narrowed=${narrowed} />`
    : html`<${MessageTable} messages=${items} selection=${mayAct() ? selection : undefined} />
      ${selection.chosen.size > 0 && html`<${Selected} count=${selection.chosen.size} acts=${acts} clear=${selection.clear} />`}
      <div class="line-up"><${More} pages=${pages} /><${SaveAll} key=${query.toString()} path="/v1/messages" query=${wanted} list="messages" />
        ${GIVEN_UP.includes(query.get('state') ?? '') && html`<a href=${asLetters(query)}>all of them as dead letters, to be redriven or deleted</a>`}</div>`}<//>`;
}

/**
 * What can be done with those that are selected: not every one of them may be in the state for it.
 * @param {any[]} chosen @param {() => void} again
 * @returns {{ name: string, key?: string, count: number, run: () => void }[]}
 */
function actsOn(chosen, again) {
  const open = chosen.filter(message => message.settled_at === null);
  const retrying = chosen.filter(message => message.state === 'retrying');
  const dead = chosen.filter(message => GIVEN_UP.includes(message.state));
  const words = count => `${number(count)} ${count === 1 ? 'message' : 'messages'}`;
  return [
    { name: 'retry now', key: retrying.length > 0 ? 'r' : undefined, count: retrying.length, run: () => openDialog({
      title: `Retry ${words(retrying.length)} now`, verb: 'retry', text: 'They are put in line again now, and not when their next attempts were to be.', done: again,
      request: () => retrying.map(message => command('POST', '/v1/retry', { message_id: message.id })),
    }) },
    { name: 'redrive…', key: retrying.length === 0 ? 'r' : undefined, count: dead.length, run: () => redrive({ ids: dead.map(message => message.id), text: words(dead.length) }) },
    { name: 'cancel…', count: open.length, run: () => openDialog({
      title: `Cancel ${words(open.length)}`, verb: 'cancel them', danger: true, type: String(open.length), done: again,
      text: 'They will not be delivered. A consumer that has one may still work on it; a push that is under way cannot be taken back. One that is settled meanwhile is deleted.',
      request: () => open.map(message => command('DELETE', `/v1/messages/${step(message.id)}`)),
    }) },
  ].filter(act => act.count > 0);
}

/** @param {{ count: number, acts: ReturnType<typeof actsOn>, clear: () => void }} props */
function Selected({ count, acts, clear }) {
  return html`<div class="actions selected" role="group" aria-label="what to do with them"><b>${number(count)} selected:</b>
    ${acts.map(act => html`<button key=${act.name} type="button" onClick=${act.run}>${act.count < count ? `${act.name.replace('…', '')} ${number(act.count)} of them…` : act.name}${act.key && html` <kbd aria-hidden="true">${act.key}</kbd>`}</button>`)}
    <button type="button" class="quiet" onClick=${clear}>select none</button></div>`;
}

/** @param {{ narrowed: boolean }} props */
function Nothing({ narrowed }) {
  if (narrowed) return html`<${Empty} what="No message matches all of this." />`;
  return html`<${Empty} what="No message has been sent yet, or none is kept any more."
    command=${`curl ${new URL('v1/messages', document.baseURI)} -d '{"destination":"printer","source":"shop","type":"label","payload":{"order":7}}'`} />`;
}

/** @param {{ messages: any[], selection?: import('../lib/table.js').Selection }} props */
function MessageTable({ messages, selection }) {
  return html`<${Table} caption="messages, newest first" rows=${messages} id=${message => message.id} selection=${selection} columns=${[
    { name: 'accepted', head: true, cell: message => html`<a href=${href(['messages', message.id])}><${Time} at=${message.accepted_at} fine /></a>` },
    { name: 'from', cell: message => html`<span class="cut">${message.source}</span>` },
    { name: 'to', cell: message => html`<span class="cut">${message.destination}</span>` },
    { name: 'state', cell: message => html`<${State} of=${message.state} />` },
    { name: 'type', cell: message => html`<span class="cut">${message.type}</span>` },
    { name: 'tries', right: true, cell: message => number(message.delivery_attempts) },
    { name: 'waits for, or error', cell: message => html`<span class="cut" title=${message.waiting_for ?? message.last_error ?? ''}>${message.waiting_for ? withTimes(message.waiting_for) : message.last_error}</span>` },
    { name: 'payload', wide: true, cell: message => html`<${Head} item=${message} />` },
  ]} />`;
}
