// One subscription: why it is behind first, then what it is, and what may be done about it.
import { html, useEffect, useState } from '../lib/html.js';
import { command, get, mayAct, send, session, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, Facts, Failure, Loading, number, Time } from '../lib/parts.js';
import { go, href } from '../lib/route.js';
import { onOwnEvent } from '../lib/socket.js';
import { stateOf } from './subscriptions.js';

/** So many pages of 1,000 are counted before "more than" is said. */
const COUNTED_PAGES = 10;

/** @param {{ id: string }} props */
export function SubscriptionPage({ id }) {
  const path = `/v1/subscriptions/${step(id)}`;
  const answer = useAnswer(path);
  useEffect(() => onOwnEvent(type => type.startsWith('subscription.') && answer.again()), [answer.again]);
  const one = answer.value;
  const change = (verb, title, text) => openDialog({ title, text, verb, request: () => command('POST', `${path}/${verb}`), done: answer.again });
  const pause = () => one && one.name === null && (one.state === 'paused' || one.state === 'gone'
    ? change('resume', `Resume the subscription of ${one.service}`, `It is sent the ${number(one.lag)} events it is behind, then what comes.`)
    : change('pause', `Pause the subscription of ${one.service}`, 'It is sent nothing and loses nothing: what is published meanwhile waits.'));
  useKeys({ '.': { text: 'look again', run: answer.again }, ...(mayChange(one) ? { p: { text: 'pause or resume', run: pause } } : {}) });
  return html`<div class="title"><h1>Subscription${one ? ` of ${one.service}` : ''}</h1>${one && stateOf(one)}
      <div class="actions"><button type="button" onClick=${answer.again}>look again <kbd aria-hidden="true">.</kbd></button><${CopyCurl} of=${command('GET', path)} /></div></div>
    <${Loading} of=${answer}>${one && html`<div class="stack"><${Why} one=${one} />
      ${mayChange(one) && html`<${Actions} one=${one} path=${path} pause=${pause} again=${answer.again} />`}
      <${About} one=${one} /></div>`}<//>`;
}

/** Its service may change it, and who may act. @param {any} one */
const mayChange = one => mayAct() || (one !== undefined && session.get()?.name === one.service);

/** @param {{ one: any }} props */
function Why({ one }) {
  const behind = `${number(one.lag)} events behind`;
  if (one.state === 'gone') return html`<p class="warning">The callback answered 410, so nothing is sent since <${Time} at=${one.paused_at} />, ${behind}. Resume it when it is there again.</p>`;
  if (one.state === 'paused') return html`<p class="warning">Somebody paused it at <${Time} at=${one.paused_at} />; it is ${behind}.</p>`;
  if (one.state === 'circuit_open') return html`<p class="warning">The circuit of its callback's origin is open${one.next_attempt ? html` until <${Time} at=${one.next_attempt} />` : ''}: ${one.last_error}. It is ${behind}.</p>`;
  if (one.failures > 0) return html`<p class="warning">${one.last_error ?? 'The last attempt failed'}, ${one.failures} times in a row${one.next_attempt ? html`; tried again at <${Time} at=${one.next_attempt} />` : ''}. It is ${behind}.</p>`;
  if (one.connected === false) return html`<p class="warning">No socket has it now; it is ${behind}, and goes on behind ${number(one.position)} when one takes it.</p>`;
  return html`<p><span class="ok">●</span> ${one.lag === 0 ? 'It has all events that are there.' : `It is ${behind}.`}</p>`;
}

/** @param {{ one: any, path: string, pause: () => void, again: () => void }} props */
function Actions({ one, path, pause, again }) {
  const remove = () => openDialog({
    title: `Delete the subscription of ${one.service}`, verb: 'delete', danger: true, type: one.service,
    text: 'It ends, with its replays. Events that it has not been sent are not sent to it any more.',
    request: () => command('DELETE', path), done: () => go(href(['subscriptions'])),
  });
  if (one.name !== null) return html`<div class="actions"><button type="button" onClick=${remove}>delete…</button></div>`;
  return html`<div class="actions">
    <button type="button" onClick=${pause}>${one.state === 'paused' || one.state === 'gone' ? 'resume' : 'pause'} <kbd aria-hidden="true">p</kbd></button>
    <button type="button" onClick=${() => replay(one)}>replay…</button>
    ${session.get()?.features.includes('subscription_test') && html`<${Test} path=${path} />`}
    <button type="button" onClick=${remove}>delete…</button>
  </div>`;
}

/** One signed call, which changes nothing. @param {{ path: string }} props */
function Test({ path }) {
  const [state, setState] = useState(/** @type {any} */ ({}));
  const run = async () => {
    setState({ running: true });
    try {
      setState({ answer: await send(command('POST', `${path}/test`)) });
    } catch (error) {
      setState({ error });
    }
  };
  const { answer, error, running } = state;
  return html`<button type="button" disabled=${running} onClick=${run}>test</button>
    <span role="status">${answer && html`<span class=${answer.error ? 'bad' : 'ok'}>${answer.error ?? `HTTP ${answer.status_code}`}, ${answer.duration_ms} ms</span>`}</span>
    ${error && html`<${Failure} error=${error} />`}`;
}

/** How many events a replay would send: counted by pages that carry no payloads. @param {Record<string, any>} query */
async function countEvents(query) {
  let count = 0;
  let cursor;
  for (let page = 0; page < COUNTED_PAGES; page += 1) {
    const answer = await get('/v1/events', { ...query, payload: 'none', limit: 1000, cursor });
    count += answer.count;
    cursor = answer.next_cursor;
    if (!cursor) return `${number(count)} events match now.`;
  }
  return `More than ${number(count)} events match now.`;
}

/** @param {any} one */
function replay(one) {
  const whole = text => (/^\d+$/.test(text.trim()) ? Number(text.trim()) : undefined);
  openDialog({
    title: `Replay events to ${one.service}`, verb: 'replay',
    text: 'They go beside the live events, each marked as a replay; the position stays.',
    fields: [
      { name: 'from', label: 'from sequence', value: String(Math.max(1, one.position - 100)), inputmode: 'numeric' },
      { name: 'to', label: 'to sequence', value: String(one.position), inputmode: 'numeric', hint: 'empty: up to the newest' },
      { name: 'types', label: 'types', value: one.event_types.join(', ') },
      { name: 'rate', label: 'events a second', inputmode: 'decimal', hint: 'empty: as fast as they are taken' },
    ],
    count: values => countEvents({ event_type: values.types.replaceAll(/\s+/g, ''), from_sequence: values.from, to_sequence: values.to }),
    request: values => command('POST', '/v1/events/replay', {
      mode: 'from_sequence', from_sequence: whole(values.from) ?? values.from, to_sequence: values.to === '' ? undefined : whole(values.to) ?? values.to,
      event_types: values.types.split(/[\s,]+/).filter(Boolean), deliver_to: one.subscription_id, rate: values.rate === '' ? undefined : Number(values.rate),
    }),
  });
}

/** @param {{ one: any }} props */
function About({ one }) {
  return html`<${Facts} of=${[
    ['service', html`<a href=${href(['services', one.service])}>${one.service}</a>`],
    [one.name === null ? 'callback' : 'name', html`<code>${one.callback_url ?? one.name}</code>`],
    ['types', html`<span>${one.event_types.map(type => html`<a key=${type} href=${href(['events', 'search'], { type })}><code>${type}</code></a> `)}</span>`],
    ['position', html`<a href=${href(['events', 'search'], { type: one.event_types.join(','), from: one.position + 1, order: 'oldest' })} title="the events behind it">${number(one.position)}</a>`],
    ['behind', number(one.lag)],
    ['in flight', `${number(one.in_flight)}${one.max_in_flight ? ` of ${number(one.max_in_flight)}` : ''}`],
    ['outlives a restart', one.durable ? 'yes' : 'no'],
    ['created', html`<${Time} at=${one.created_at} />`],
    ['last error', one.last_error],
    ['old secret holds until', one.previous_secret_until && html`<${Time} at=${one.previous_secret_until} />`],
    ['dead letters', html`<a href=${href(['dead', 'letters'], { subscription: one.subscription_id })}>those of this subscription</a>`],
    ['id', html`<code>${one.subscription_id}</code>`],
  ]} />`;
}
