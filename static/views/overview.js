// The hub at a glance: what is wrong first, then the last hour, what became of everything, how the parts are.
import { html, useEffect } from '../lib/html.js';
import { session } from '../lib/api.js';
import { ROW_KEYS, useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { Loading, number, State, Time } from '../lib/parts.js';
import { go, href } from '../lib/route.js';
import { watch } from '../lib/socket.js';
import { Account, Parts } from './account.js';
import { LastHour } from './last-hour.js';

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View(props) {
  const { role, name } = session.get() ?? {};
  if (role === 'service') {
    return html`<h1>Overview</h1><p>The hub as a whole is shown to operators and viewers. <a href=${href(['services', name ?? ''])}>To ${name}</a></p>`;
  }
  return html`<${Overview} ...${props} />`;
}

/** What was measured in the last second; of the rest the last holds. @param {Record<string, number | null>} sample */
const known = sample => Object.fromEntries(Object.entries(sample).filter(([, value]) => value !== null));

function Overview() {
  const answer = useAnswer('/v1/overview');
  const { amend } = answer;
  useEffect(() => watch({
    overview: true,
    stats: true,
    hear(frame) {
      const { type, ...changes } = frame;
      if (type === 'overview_changed') amend(now => now && { ...now, ...changes });
      else if (type === 'stats') amend(now => now && { ...now, at: frame.at, sample: { ...now.sample, ...known(frame.sample) } });
    },
  }), [amend]);
  const { value } = answer;
  return html`<div class="title"><h1>Overview</h1>${value && html`<${State} of=${value.status} />`}</div>
    <${Loading} of=${answer}>${value && html`<div class="stack"><${Attention} of=${value.attention} /><${LastHour} /><${Account} of=${value} /><${Parts} of=${value} /></div>`}<//>`;
}

/** What lets nothing through, and what only goes badly. */
const BAD = new Set(['disk_guard', 'archive_down', 'circuit_open', 'no_instance', 'overloaded']);

/** @param {{ of: any[] }} props worst first */
function Attention({ of }) {
  useKeys(ROW_KEYS);
  if (of.length === 0) return html`<p class="panel"><span class="ok">●</span> Nothing needs attention.</p>`;
  return html`<section class="panel stack" aria-label="needs attention"><h2>Needs attention <span class="muted">${number(of.length)}</span></h2>
    <ul class="attention">${of.map(found => html`<li key=${`${found.kind} ${found.subject}`} data-row=${found.view} tabindex="-1" onKeyDown=${event => event.key === 'Enter' && event.target === event.currentTarget && go(`#${found.view}`)}>
      <span class=${BAD.has(found.kind) ? 'bad' : 'warn'} aria-hidden="true">▲</span><span>${found.text}${found.since && html` <span class="muted">since <${Time} at=${found.since} /></span>`}</span>
      <a href=${`#${found.view}`} aria-label=${`look: ${found.text}`}>look</a></li>`)}</ul></section>`;
}
