// One message: why it is not delivered first, then what became of it so far, then what it says.
import { html, useEffect } from '../lib/html.js';
import { command, mayAct, session, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, curlKey, Facts, Loading, number, State, Time, withTimes } from '../lib/parts.js';
import { go, href } from '../lib/route.js';
import { watch } from '../lib/socket.js';
import { Stored } from '../lib/stored.js';
import { Timeline } from '../lib/timeline.js';
import { forceCircuit } from './circuit.js';
import { resumeQueues } from './queue-actions.js';

/** @param {{ id: string }} props */
export function MessagePage({ id }) {
  const path = `/v1/messages/${step(id)}`;
  // What is stored stays and may be large; what became of it changes and is small.
  const whole = useAnswer(path);
  const now = useAnswer(path, { payload: 'none' });
  const message = now.value;
  const open = message !== undefined && message.settled_at === null;
  useEffect(() => {
    if (!open) return undefined;
    // Nobody is told of single messages, but each that comes or goes changes the figures of its destination.
    return watch({ services: [message.destination], hear: frame => frame.type === 'service_changed' && frame.service === message.destination && now.again() });
  }, [open, message?.destination]);
  const actions = message ? actionsOn(message, path, now.again) : [];
  useKeys({
    '.': { text: 'look again', run: now.again }, ...curlKey(command('GET', path)),
    ...Object.fromEntries(actions.filter(action => action.key).map(action => [action.key, { text: action.name, run: action.run }])),
  });
  return html`<div class="title"><h1>Message${message ? ` to ${message.destination}` : ''}</h1>
      ${message && html`<${State} of=${message.state} /><span class="muted">from ${message.source}, ${message.priority}</span>`}
      <div class="actions">${actions.map(action => html`<button key=${action.name} type="button" onClick=${action.run}>${action.name}${action.key && html` <kbd aria-hidden="true">${action.key}</kbd>`}</button>`)}
        <${CopyCurl} of=${command('GET', path)} /></div></div>
    <${Loading} of=${now}>${message && html`<div class="stack">
      <${Why} message=${message} again=${now.again} />
      <${About} message=${message} />
      <h2>What became of it</h2><${Timeline} of=${message} /></div>`}<//>
    ${!now.error && html`<${Loading} of=${whole}>${whole.value && html`<div class="stack">
      <${Stored} item=${whole.value} path=${path} />
      ${whole.value.headers && html`<details open><summary>headers</summary><${Facts} of=${Object.entries(whole.value.headers)} /></details>`}</div>`}<//>`}`;
}

/** What may be done to it now, by whom looks. @param {any} message @param {string} path @param {() => void} again */
function actionsOn(message, path, again) {
  const own = session.get()?.name === message.source;
  if (!mayAct() && !own) return [];
  const actions = [];
  if (message.state === 'retrying') {
    actions.push({ name: 'retry now', key: 'r', run: () => openDialog({
      title: 'Retry now', verb: 'retry', text: `It is put in line again now, and not when its next attempt was to be.`,
      request: () => command('POST', '/v1/retry', { message_id: message.id }), done: again,
    }) });
  }
  if (message.settled_at === null) {
    actions.push({ name: 'cancel…', run: () => openDialog({
      title: `Cancel the message to ${message.destination}`, verb: 'cancel it', danger: true,
      text: 'It will not be delivered. A consumer that has it may still work on it; a push that is under way cannot be taken back.',
      request: () => command('DELETE', path), done: again,
    }) });
  } else {
    actions.push({ name: 'delete…', run: () => openDialog({
      title: `Delete the message to ${message.destination}`, verb: 'delete', danger: true, type: message.destination,
      text: 'It goes for good, content and all. In every count it stays what it was.',
      request: () => command('DELETE', path), done: () => go(href(['messages'])),
    }) });
  }
  return actions;
}

/** Where one sees what a message waits for. @param {any} waiting @param {string} destination */
function home({ code, subject }, destination) {
  const service = href(['services', destination]);
  switch (code) {
    case 'circuit_open':
    case 'circuit_half_open': return html`<a href=${service}>to the circuit</a>`;
    case 'no_instance':
    case 'no_instance_for_type': return html`<a href=${service}>to the instances</a>`;
    case 'paused': return subject === null ? html`<a href=${href(['hub'])}>to the hub, where all queues are paused</a>` : html`<a href=${service}>to the queue</a>`;
    case 'quota': return html`<a href=${service}>to the quota</a>`;
    case 'ordering_key': return html`<a href=${href(['messages', subject])}>to the one that goes first</a>`;
    default: return html`<a href=${service}>to ${destination}</a>`;
  }
}

/** What mends it at once, if something does. @param {any} waiting @param {any} message @param {() => void} again */
function remedies({ code, subject }, { destination }, again) {
  if (!mayAct()) return [];
  if (code === 'circuit_open') {
    return [
      { name: 'try now…', run: () => forceCircuit(destination, 'HALF_OPEN', again) },
      { name: 'close…', run: () => forceCircuit(destination, 'CLOSED', again) },
    ];
  }
  if (code === 'paused' && subject !== null) return [{ name: 'resume…', run: () => resumeQueues([{ service: destination }], again) }];
  return [];
}

/** @param {{ message: any, again: () => void }} props */
function Why({ message, again }) {
  const { state, waiting, waiting_for: words, destination, id, reason, last_error: error } = message;
  if (waiting) {
    return html`<div class="warning line-up"><span><strong>Not delivered yet:</strong> ${withTimes(words)}. ${home(waiting, destination)}</span>
      ${remedies(waiting, message, again).map(({ name, run }) => html`<button key=${name} type="button" onClick=${run}>${name}</button>`)}</div>`;
  }
  if (state === 'dead' || state === 'expired') return html`<p class="warning"><strong>Never delivered:</strong> <code>${reason ?? state}</code>${error ? `, last: ${error}` : ''}. <a href=${href(['dead', id])}>to its dead letter</a></p>`;
  return null;
}

/** @param {{ message: any }} props */
export function About({ message }) {
  const { correlation_id: conversation } = message;
  return html`<${Facts} of=${[
    ['to', html`<a href=${href(['services', message.destination])}>${message.destination}</a>`],
    ['from', html`<a href=${href(['services', message.source])}>${message.source}</a>`],
    ['type', html`<a href=${href(['messages'], { type: message.type })}>${message.type}</a>`],
    ['conversation', html`<a href=${href(['events', 'conversation'], { id: conversation })}>${conversation === message.id ? 'of this message' : conversation}</a>`],
    ['reply to', message.reply_to],
    ['ordering key', message.ordering_key],
    ['attempts', number(message.delivery_attempts)],
    ['handed out since', message.hand_outs > 0 && number(message.hand_outs)],
    ['next attempt', message.next_attempt && html`<${Time} at=${message.next_attempt} />`],
    ['not before', message.deliver_at && html`<${Time} at=${message.deliver_at} />`],
    ['deadline', message.deadline && html`<${Time} at=${message.deadline} />`],
    ['expires', message.expires_at && html`<${Time} at=${message.expires_at} />`],
    ['last error', message.last_error],
    ['id', html`<code>${message.id}</code>`],
  ].filter(([, value]) => value !== false)} />`;
}
