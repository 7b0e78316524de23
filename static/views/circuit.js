// What holds a service up, and its circuit: how it is, and how it is forced.
import { html } from '../lib/html.js';
import { command, mayAct, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { Facts, number, State, Time } from '../lib/parts.js';
import { resumeQueues } from './queue-actions.js';

/** What each state that one may force is for. */
const FORCED = {
  HALF_OPEN: ['try', 'One message at a time is tried; what comes of it decides.'],
  CLOSED: ['close', 'Messages are let through again, one at first, then more.'],
  OPEN: ['open', 'What waits is parked until it is tried again.'],
};

/** @param {string} name @param {'HALF_OPEN' | 'CLOSED' | 'OPEN'} state @param {() => void} done */
export function forceCircuit(name, state, done) {
  const [verb, text] = FORCED[state];
  openDialog({
    title: `${verb[0].toUpperCase()}${verb.slice(1)} the circuit of ${name}`, verb, text, done, fields: [{ name: 'reason', label: 'reason', value: 'by hand' }],
    request: values => command('PUT', `/v1/circuits/${step(name)}`, { state, reason: values.reason }),
  });
}

/** @param {{ of: any, name: string, again: () => void }} props */
export function Circuit({ of, name, again }) {
  const { state } = of;
  return html`<${State} of=${state} />
    <${Facts} of=${[
    ['because', state !== 'CLOSED' && of.reason], ['until', of.open_until && html`<${Time} at=${of.open_until} />`], ['forced', of.forced && 'yes'],
    ['failed in a row', number(of.failure_count)], ['last failure', of.last_failure && html`<${Time} at=${of.last_failure} />`], ['window', `${number(of.in_flight)} of ${number(of.window)}`],
  ].map(([label, value]) => [label, value || null])} />
    ${mayAct() && html`<div class="actions">
      ${state !== 'HALF_OPEN' && html`<button type="button" onClick=${() => forceCircuit(name, 'HALF_OPEN', again)}>try now…</button>`}
      ${state !== 'CLOSED' && html`<button type="button" onClick=${() => forceCircuit(name, 'CLOSED', again)}>close…</button>`}
      ${state !== 'OPEN' && html`<button type="button" onClick=${() => forceCircuit(name, 'OPEN', again)}>hold open…</button>`}
    </div>`}`;
}

/**
 * First on the page: why nothing gets through, and the one action that mends it.
 * @param {{ row: any, circuit: any, queue: any, again: () => void }} props
 */
export function Hindrance({ row, circuit, queue, again }) {
  const { service: name, queued } = row;
  const wait = queued === 0 ? 'Nothing waits' : `${number(queued)} ${queued === 1 ? 'message waits' : 'messages wait'}`;
  if (row.queue === 'paused') {
    return html`<div class="warning line-up"><span><b>The queue is paused</b>${queue?.paused_since && html` since <${Time} at=${queue.paused_since} />`}${queue?.paused_by && ` by ${queue.paused_by}`}. ${wait}.</span>
      ${mayAct() && html`<button type="button" onClick=${() => resumeQueues([row], again)}>resume…</button>`}</div>`;
  }
  if (row.circuit === 'OPEN') {
    return html`<div class="failure line-up"><span><b>The circuit is open</b>${row.open_until && html`, tried again <${Time} at=${row.open_until} />`}: ${circuit?.reason ?? 'it was opened'}. ${wait}.</span>
      ${mayAct() && html`<button type="button" onClick=${() => forceCircuit(name, 'HALF_OPEN', again)}>try now…</button>`}</div>`;
  }
  if (row.available === 0 && queued > 0) {
    return html`<div class="failure"><p><b>${row.instances === 0 ? 'No instance is registered' : 'No instance takes messages'}.</b> ${wait}${row.oldest_at && html`, the oldest since <${Time} at=${row.oldest_at} />`}.</p></div>`;
  }
  return null;
}
