// One service: what holds it up and what mends that first, then how it goes, then its instances.
import { html, useEffect, useRef } from '../lib/html.js';
import { command, mayAct, step } from '../lib/api.js';
import { Chart } from '../lib/chart.js';
import { openDialog } from '../lib/dialog.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, curlKey, Facts, Loading, number, State, Time } from '../lib/parts.js';
import { go, href } from '../lib/route.js';
import { useLiveRows, useRates } from '../lib/rows.js';
import { Circuit, Hindrance } from './circuit.js';
import { Instances } from './instances.js';
import { short } from './last-hour.js';
import { clearQueues, pauseQueues, resumeQueues } from './queue-actions.js';
import { dropQuota, editQuota, limited, useQuota } from './quota.js';

/** @param {{ name: string }} props */
export function ServicePage({ name }) {
  const found = useAnswer('/v1/overview/services', { service: name });
  const [row] = useLiveRows(found.value?.services ?? []);
  const isThere = row !== undefined && !row.removed;
  // One that is unknown has never registered, or has gone: there is nothing of it but what waits for it.
  const path = isThere && row.health !== 'unknown' ? `/v1/services/${step(name)}` : null;
  const service = useAnswer(path);
  const circuit = useAnswer(path && `/v1/circuits/${step(name)}`);
  const queue = useAnswer(isThere ? '/v1/queue/status' : null, { service: name });
  const { quota, again: quotaAgain } = useQuota(name);
  const again = () => [found, service, circuit, queue, { again: quotaAgain }].forEach(answer => answer.again());
  // What changes of the row changes in these, too.
  const changing = row && [row.circuit, row.open_until, row.health, row.instances, row.available, row.queue].join();
  const before = useRef(changing);
  useEffect(() => {
    if (before.current !== undefined && before.current !== changing) again();
    before.current = changing;
  }, [changing]);
  const request = command('GET', `/v1/services/${step(name)}`);
  useKeys({
    '.': { text: 'look again', run: again }, ...curlKey(request),
    ...(isThere && mayAct() ? { p: { text: 'pause or resume its queue', run: () => (row.queue === 'paused' ? resumeQueues : pauseQueues)([row], again) } } : {}),
  });
  if (found.value && !isThere) {
    return html`<h1>${name}</h1><p>Nobody of this name is registered, and nothing waits for it. <a href=${href(['services'])}>To all services</a></p>`;
  }
  const paused = queue.value?.services?.[name] ?? queue.value;
  return html`<div class="title"><h1>${name}</h1>${row && html`<${State} of=${row.health} />`}
      <div class="actions">${row && mayAct() && html`<${Actions} row=${row} service=${service.value} quota=${quota} again=${again} />`}<${CopyCurl} of=${request} /></div></div>
    <p class="line-up"><a href=${href(['messages'], { to: name })}>messages to it</a><a href=${href(['messages'], { from: name })}>messages from it</a>
      <a href=${href(['dead', 'letters'], { to: name })}>its dead letters${row?.dead_letters > 0 ? `: ${number(row.dead_letters)}` : ''}</a><a href=${href(['subscriptions'], { service: name })}>its subscriptions</a></p>
    <${Loading} of=${found}>${row && html`<div class="stack"><${Hindrance} row=${row} circuit=${circuit.value} queue=${paused} again=${again} /><div class="panels">
      <section class="panel stack" aria-label="circuit"><h2>Circuit</h2>${path === null ? html`<p class="muted">Nothing is pushed to it: nobody is registered.</p>`
        : html`<${Loading} of=${circuit}>${circuit.value && html`<${Circuit} of=${circuit.value} name=${name} again=${again} />`}<//>`}</section>
      <${Lanes} row=${row} queue=${paused} quota=${quota} />
      <${Rates} row=${row} />
    </div></div>`}<//>
    <h2>Instances</h2>
    ${path === null ? html`<${Instances} of=${[]} name=${name} again=${again} />`
    : html`<${Loading} of=${service}>${service.value && html`<${Needs} of=${service.value.dependencies} /><${Instances} of=${service.value.instances} name=${name} again=${again} />`}<//>`}`;
}

const STRATEGIES = ['round_robin', 'least_connections', 'weighted', 'random', 'health_aware'];

/** @param {{ row: any, service: any, quota: any, again: () => void }} props */
function Actions({ row, service, quota, again }) {
  const name = row.service;
  const usual = 'as the hub is set up';
  const strategy = () => openDialog({
    title: `Strategy of ${name}`, verb: 'set', done: again, text: 'Which instance gets the next message.',
    fields: [{ name: 'strategy', label: 'strategy', words: [usual, ...STRATEGIES], value: service.own_strategy ? service.load_balancing_strategy : usual }],
    request: values => command('PUT', `/v1/services/${step(name)}`, { load_balancing_strategy: values.strategy === usual ? null : values.strategy }),
  });
  const deregister = () => openDialog({
    title: `Deregister ${name}`, verb: 'deregister', danger: true, type: name, done: () => go(href(['services'])),
    text: `All its instances are removed; the ${number(row.queued)} messages that wait for it go on waiting.`,
    request: () => command('DELETE', `/v1/services/${step(name)}`),
  });
  return html`
    ${row.queue === 'paused' ? html`<button type="button" onClick=${() => resumeQueues([row], again)}>resume… <kbd aria-hidden="true">p</kbd></button>` : html`<button type="button" onClick=${() => pauseQueues([row], again)}>pause… <kbd aria-hidden="true">p</kbd></button>`}
    <button type="button" onClick=${() => clearQueues([row], again)}>clear…</button>
    <button type="button" onClick=${() => editQuota(name, quota, again)}>quota…</button>
    ${quota?.source === 'api' && html`<button type="button" onClick=${() => dropQuota(name, again)}>drop quota…</button>`}
    ${service && html`<button type="button" onClick=${strategy}>strategy…</button><button type="button" onClick=${deregister}>deregister…</button>`}`;
}

const LEVELS = ['CRITICAL', 'HIGH', 'NORMAL', 'LOW', 'DEFERRED'];

/** @param {{ row: any, queue: any, quota: any }} props */
function Lanes({ row, queue, quota }) {
  const lanes = LEVELS.map(level => `${level.toLowerCase()} ${number(row.levels[level])}`).join(' · ');
  return html`<section class="panel stack" aria-label="queue"><div class="line-up"><h2>Queue</h2><${State} of=${row.queue} /></div>
    <${Facts} of=${[
    ['queued', number(row.queued)], ['of them parked', number(row.parked)], ['between two attempts', number(row.retrying)], ['scheduled', number(row.scheduled)],
    ['under way', number(row.in_flight)], ['oldest since', row.oldest_at && html`<${Time} at=${row.oldest_at} />`],
    ['paused since', row.queue === 'paused' && queue?.paused_since && html`<${Time} at=${queue.paused_since} />`], ['by', row.queue === 'paused' && queue?.paused_by],
  ].map(([label, value]) => [label, value || null])} />
    <p class="muted">${lanes}</p>
    ${quota && html`<p>Quota: ${limited(quota).join(', ') || 'none'} <span class="muted">(${quota.source === 'api' ? 'set by request' : 'from the configuration'})</span></p>`}</section>`;
}

const LINES = [{ name: 'in_rate', label: 'in' }, { name: 'out_rate', label: 'out' }, { name: 'fail_rate', label: 'failed' }];

/** @param {{ row: any }} props */
function Rates({ row }) {
  const { times, series } = useRates(row);
  return html`<${Chart} title="Messages a second" lines=${LINES} times=${times} series=${series} format=${short} height=${96} least=${120} />`;
}

/** @param {{ of: { satisfied: boolean, issues: string[] } }} props */
function Needs({ of }) {
  if (of.satisfied) return null;
  return html`<p class="warning">It lacks what it needs: ${of.issues.join('; ')}.</p>`;
}
