// What became of everything that was accepted, and what the hub is made of, each in a line.
import { html } from '../lib/html.js';
import { bytes, Empty, number, State, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { span } from '../lib/time.js';

const ENDS = ['queued', 'parked', 'retrying', 'scheduled', 'delivering', 'delivered', 'dead', 'expired', 'cancelled'];

/** Nothing is lost: the sum of what became of all is what was accepted. @param {{ of: any }} props */
export function Account({ of }) {
  const { totals, at } = of;
  if (totals.accepted === 0) {
    return html`<${Empty} what="No message was accepted yet." command=${`curl ${new URL('v1/messages', document.baseURI)} -d '{"destination":"printer","source":"shop","payload":{"page":1}}'`} />`;
  }
  const missing = totals.accepted - ENDS.reduce((sum, state) => sum + totals[state], 0);
  const known = ENDS.filter(state => totals[state] > 0);
  return html`<section class="panel account" aria-label="what became of all messages">
    <b>${number(totals.accepted)}</b> accepted =
    ${known.map((state, i) => html`<span key=${state}>${i > 0 && '+ '}<a href=${href(['messages'], { state })}><b>${number(totals[state])}</b> ${state}</a></span>`)}
    ${missing === 0 ? html`<span class="ok" title="Every message that was accepted is accounted for.">✓<span class="hidden"> all accounted for</span></span>`
    : html`<span class="bad">✕ ${number(Math.abs(missing))} ${missing > 0 ? 'unaccounted for' : 'more than were accepted'}, as of <${Time} at=${at} /></span>`}
  </section>`;
}

/** @param {{ name: string, part: any, children: any }} props */
function Part({ name, part, children }) {
  return html`<span class="part"><b>${name}</b> ${part && part.status !== 'healthy' && html`<${State} of=${part.status} /> `}${children}</span>`;
}

/** @param {{ of: any }} props */
export function Parts({ of }) {
  const { components, counts, sample, queues } = of;
  const { services, circuits, subscriptions } = counts;
  const waiting = Object.values(queues).reduce((sum, count) => sum + count, 0);
  return html`<section class="panel stack" aria-label="parts of the hub">
    <p class="parts">
      <${Part} name="journal" part=${components.journal}>${bytes(components.journal?.bytes ?? sample.journal_bytes)}, sync p99 ${sample.sync_p99 === null ? '–' : span(sample.sync_p99)}<//>
      <${Part} name="archive" part=${components.archive}>${number(sample.archive_lag ?? components.archive?.lag_records)} behind<//>
      <${Part} name="disk" part=${components.disk}>${bytes(components.disk?.free_bytes)} free<//>
      <${Part} name="memory">${bytes(sample.rss)}<//>
      <${Part} name="processor">${sample.cpu === null ? '–' : `${(sample.cpu * 100).toFixed(1)} % of a core`}<//>
      <a href=${href(['hub'])}>all parts</a>
    </p>
    <p class="parts">
      <a href=${href(['services'])}>services</a>
      ${['healthy', 'degraded', 'unhealthy'].map(health => html`<a key=${health} class="plain" href=${href(['services'], { health })}><${State} of=${health} quiet=${services[health] === 0} word=${`${number(services[health])} ${health}`} /></a>`)}
      <${Part} name="circuits">${number(circuits.open)} open, ${number(circuits.half_open)} half open<//>
      <${Part} name="waiting">${number(waiting)}${of.oldest_at && html`, the oldest since <${Time} at=${of.oldest_at} />`}<//>
      <${Part} name="paused queues">${number(counts.paused)}<//>
    </p>
    <p class="parts">
      <a href=${href(['subscriptions'])}>subscriptions</a> <span>${number(subscriptions.active)} active, ${number(subscriptions.failing)} failing, ${number(subscriptions.paused)} paused</span>
      <a href=${href(['dead'])}>dead letters</a> <span>${number(counts.dead_letters)}</span>
      <a href=${href(['dead', 'jobs'])}>jobs</a> <span>${number(counts.jobs)}</span>
      <a href=${href(['hub', 'sockets'])}>sockets</a> <span>${number(counts.sockets)}</span>
    </p>
  </section>`;
}
