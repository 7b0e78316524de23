// One service: its circuit and queue first, then its instances.
import { html } from '../lib/html.js';
import { command, mayAct, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, Empty, Facts, Loading, number, State, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { Table } from '../lib/table.js';

/** @param {{ name: string }} props */
export function ServicePage({ name }) {
  const service = useAnswer(`/v1/services/${step(name)}`);
  const circuit = useAnswer(`/v1/circuits/${step(name)}`);
  const queue = useAnswer('/v1/queue/status', { service: name });
  const again = () => [service, circuit, queue].forEach(answer => answer.again());
  return html`<div class="title"><h1>${name}</h1>${service.value && html`<${State} of=${service.value.status} />`}
      <div class="actions"><button type="button" onClick=${again}>look again</button><${CopyCurl} of=${command('GET', `/v1/services/${step(name)}`)} /></div></div>
    <p class="line-up"><a href=${href(['messages'], { to: name })}>messages to it</a><a href=${href(['dead', 'letters'], { to: name })}>its dead letters</a>
      <a href=${href(['subscriptions'], { service: name })}>its subscriptions</a></p>
    <div class="panels">
      <section class="panel stack" aria-label="circuit"><h2>Circuit</h2><${Loading} of=${circuit}>${circuit.value && html`<${Circuit} of=${circuit.value} name=${name} again=${again} />`}<//></section>
      <section class="panel stack" aria-label="queue"><h2>Queue</h2><${Loading} of=${queue}>${queue.value && html`<${Queue} of=${queue.value.services?.[name] ?? queue.value} name=${name} again=${again} />`}<//></section>
    </div>
    <h2>Instances</h2>
    <${Loading} of=${service}>${service.value && html`<${Instances} of=${service.value.instances} name=${name} again=${again} />`}<//>`;
}

/** @param {{ of: any, name: string, again: () => void }} props */
function Circuit({ of, name, again }) {
  const force = (state, verb, text) => openDialog({
    title: `${verb} the circuit of ${name}`, verb, text, done: again, fields: [{ name: 'reason', label: 'reason', value: 'by hand' }],
    request: values => command('PUT', `/v1/circuits/${step(name)}`, { state, reason: values.reason }),
  });
  return html`<${State} of=${of.state} />
    <${Facts} of=${[
    ['because', of.reason], ['until', of.open_until && html`<${Time} at=${of.open_until} />`], ['failed in a row', number(of.failure_count)],
    ['last failure', of.last_failure && html`<${Time} at=${of.last_failure} />`], ['window', `${number(of.in_flight)} of ${number(of.window)}`],
  ]} />
    ${mayAct() && html`<div class="actions">
      ${of.state !== 'HALF_OPEN' && html`<button type="button" onClick=${() => force('HALF_OPEN', 'try', 'One message at a time is tried; what comes of it decides.')}>try now…</button>`}
      ${of.state !== 'CLOSED' && html`<button type="button" onClick=${() => force('CLOSED', 'close', 'Messages are let through again, one at first, then more.')}>close…</button>`}
      ${of.state !== 'OPEN' && html`<button type="button" onClick=${() => force('OPEN', 'open', 'What waits is parked until it is tried again.')}>hold open…</button>`}
    </div>`}`;
}

/** @param {{ of: any, name: string, again: () => void }} props */
function Queue({ of, name, again }) {
  const paused = of.status === 'paused';
  const change = () => openDialog({
    title: `${paused ? 'Resume' : 'Pause'} the queue of ${name}`, verb: paused ? 'resume' : 'pause', done: again,
    text: paused ? 'What waits is handed out again.' : 'Nothing is handed out to it, also after a restart; messages are accepted as before.',
    request: () => command('POST', `/v1/queue/${paused ? 'resume' : 'pause'}`, { service: name }),
  });
  const clear = () => openDialog({
    title: `Clear the queue of ${name}`, verb: 'clear', danger: true, type: name, text: `The ${number(of.total_size)} messages that wait for it are cancelled.`,
    request: () => command('DELETE', `/v1/queue?service=${encodeURIComponent(name)}`), done: again,
  });
  return html`<${State} of=${paused ? 'paused' : 'active'} word=${of.status} />
    <${Facts} of=${[
    ['paused since', of.paused_since && html`<${Time} at=${of.paused_since} />`], ['by', of.paused_by],
    ...Object.entries(of.queues).filter(([, count]) => count > 0).map(([level, count]) => [level.toLowerCase(), number(count)]),
    ['parked', number(of.parked)], ['retrying', number(of.retrying)], ['scheduled', number(of.scheduled)], ['in flight', number(of.in_flight)],
  ]} />
    ${mayAct() && html`<div class="actions"><button type="button" onClick=${change}>${paused ? 'resume…' : 'pause…'}</button>
      <button type="button" onClick=${clear}>clear…</button></div>`}`;
}

/** @param {{ of: any[], name: string, again: () => void }} props */
function Instances({ of, name, again }) {
  if (of.length === 0) return html`<${Empty} what="No instance is registered; what is sent to it waits." />`;
  const drain = row => openDialog({
    title: `Drain ${row.instance_id} of ${name}`, verb: 'drain', text: 'It finishes what it has and gets nothing new, until it registers again.', done: again,
    request: () => command('POST', `/v1/services/${step(name)}/instances/${step(row.instance_id)}/drain`),
  });
  return html`<${Table} caption="instances" rows=${of} id=${row => row.instance_id} columns=${[
    { name: 'instance', head: true, cell: row => row.instance_id },
    { name: 'state', cell: row => html`<${State} of=${row.status} />` },
    { name: 'address', cell: row => row.url ?? row.transport },
    { name: 'weight', right: true, cell: row => number(row.weight) },
    { name: 'in flight', right: true, cell: row => `${number(row.in_flight)} of ${number(row.max_in_flight)}` },
    { name: 'last seen', cell: row => html`<${Time} at=${row.last_seen} />` },
    { name: 'why', wide: true, cell: row => row.out_of_rotation ?? row.cause },
    ...(mayAct() ? [{ name: '', cell: row => !row.draining_since && html`<button type="button" class="quiet" aria-label=${`drain ${row.instance_id}`} onClick=${() => drain(row)}>drain…</button>` }] : []),
  ]} />`;
}
