// The hub at a glance: what is wrong first, then what waits, what became of everything, how the parts are.
import { html, useEffect } from '../lib/html.js';
import { session } from '../lib/api.js';
import { useAnswer } from '../lib/load.js';
import { bytes, Facts, Loading, number, State, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { watch } from '../lib/socket.js';
import { span } from '../lib/time.js';

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View(props) {
  const { role, name } = session.get() ?? {};
  if (role === 'service') {
    return html`<h1>Overview</h1><p>The hub as a whole is shown to operators and viewers. <a href=${href(['services', name ?? ''])}>To ${name}</a></p>`;
  }
  return html`<${Overview} ...${props} />`;
}

function Overview() {
  const answer = useAnswer('/v1/overview');
  const { amend } = answer;
  useEffect(() => watch({
    overview: true,
    stats: true,
    hear(frame) {
      const { type, ...changes } = frame;
      if (type === 'overview_changed') amend(now => now && { ...now, ...changes });
      else if (type === 'stats') amend(now => now && { ...now, at: frame.at, sample: frame.sample });
    },
  }), [amend]);
  const { value } = answer;
  return html`<div class="title"><h1>Overview</h1>${value && html`<${State} of=${value.status} />`}</div>
    <${Loading} of=${answer}>${value && html`<div class="stack"><${Attention} of=${value.attention} /><${Figures} of=${value} /></div>`}<//>`;
}

/** @param {{ of: any[] }} props worst first */
function Attention({ of }) {
  if (of.length === 0) return html`<p class="panel"><span class="ok">●</span> Nothing needs attention.</p>`;
  return html`<section class="panel stack" aria-label="needs attention"><h2>Needs attention</h2>
    <ul class="attention">${of.map(found => html`<li key=${`${found.kind} ${found.subject}`}>
      <span class="bad" aria-hidden="true">▲</span><span>${found.text}${found.since && html` <span class="muted">since <${Time} at=${found.since} /></span>`}</span>
      <a href=${`#${found.view}`} aria-label=${`look: ${found.text}`}>look</a></li>`)}</ul></section>`;
}

const ENDS = ['queued', 'parked', 'retrying', 'scheduled', 'delivering', 'delivered', 'dead', 'expired', 'cancelled'];
const perSecond = rate => (rate === null || rate === undefined ? '–' : `${rate.toFixed(1)}/s`);
const seconds = value => (value === null || value === undefined ? '–' : span(value));

/** @param {{ of: any }} props */
function Figures({ of }) {
  const { sample, totals, queues, counts } = of;
  const services = counts.services;
  return html`<div class="panels">
    <section class="panel stack"><h2>Now</h2><${Facts} of=${[
    ['accepted', perSecond(sample.accepted)], ['delivered', perSecond(sample.delivered)], ['failed attempts', perSecond(sample.failed)],
    ['events', perSecond(sample.events)], ['to deliver, half of them', seconds(sample.push_p50)], ['99 of 100', seconds(sample.push_p99)],
  ]} /></section>
    <section class="panel stack"><h2>Waiting by priority</h2><${Facts} of=${[
    ...Object.entries(queues).map(([level, count]) => [level.toLowerCase(), number(count)]),
    ['oldest since', of.oldest_at && html`<${Time} at=${of.oldest_at} />`],
  ]} /></section>
    <section class="panel stack"><h2>What became of ${number(totals.accepted)} accepted</h2><${Facts} of=${ENDS.map(state => [state, number(totals[state])])} /></section>
    <section class="panel stack"><h2>Parts</h2><${Facts} of=${[
    ['services', html`<a href=${href(['services'])}>${number(services.healthy)} healthy, ${number(services.degraded)} degraded, ${number(services.unhealthy)} unhealthy</a>`],
    ['circuits', `${number(counts.circuits.open)} open, ${number(counts.circuits.half_open)} half open`],
    ['dead letters', html`<a href=${href(['dead'])}>${number(counts.dead_letters)}</a>`],
    ['subscriptions', html`<a href=${href(['subscriptions'])}>${number(counts.subscriptions.failing)} failing, ${number(counts.subscriptions.paused)} paused</a>`],
    ['sockets', number(counts.sockets)], ['journal', bytes(sample.journal_bytes)], ['memory', bytes(sample.rss)],
  ]} /></section>
  </div>`;
}
