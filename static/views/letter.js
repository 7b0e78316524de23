// One dead letter: why it died, what was tried, and sending it again as it is or mended.
import { html, useState } from '../lib/html.js';
import { command, mayAct, session, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, curlKey, Facts, Loading, number, Time } from '../lib/parts.js';
import { go, href } from '../lib/route.js';
import { Stored } from '../lib/stored.js';
import { Timeline } from '../lib/timeline.js';
import { LetterEditor } from './letter-editor.js';
import { About } from './message.js';

/** @param {any} letter */
const isEvent = letter => letter.event_id !== undefined;

/** @param {{ id: string }} props */
export function LetterPage({ id }) {
  const path = `/v1/dlq/${step(id)}`;
  const answer = useAnswer(path);
  const letter = answer.value;
  const may = letter !== undefined && (mayAct() || session.get()?.name === letter.destination || session.get()?.name === letter.source);
  const mendable = may && !isEvent(letter) && letter.payload !== null;
  const [mending, setMending] = useState(false);
  const mend = () => setMending(now => !now);
  const redrive = () => openDialog({
    title: `Redrive the ${isEvent(letter) ? 'event' : 'message'} to ${letter.destination}`, verb: 'redrive',
    text: isEvent(letter) ? 'It goes to its subscription once more, as it was.' : 'It goes to where it was for, as it was; its attempts and its time to live start anew.',
    request: () => command('POST', `${path}/reprocess`), done: sent,
  });
  const sent = () => go(isEvent(letter) ? href(['dead', 'letters']) : href(['messages', id]));
  const remove = () => openDialog({
    title: `Delete the letter to ${letter.destination}`, verb: 'delete', danger: true, type: letter.destination,
    text: 'It goes for good, content and all. In every count it stays dead or expired.',
    request: () => command('DELETE', path), done: () => go(href(['dead', 'letters'])),
  });
  useKeys({ ...curlKey(command('GET', path)), ...(may ? { r: { text: 'redrive the letter', run: redrive } } : {}), ...(mendable ? { e: { text: 'mend the payload', run: mend } } : {}) });
  return html`<div class="title"><h1>Dead letter${letter ? ` to ${letter.destination}` : ''}</h1>
      ${letter && html`<span class="muted">from ${letter.source}</span>`}
      <div class="actions">${may && html`<button type="button" onClick=${redrive}>redrive… <kbd aria-hidden="true">r</kbd></button>`}
        ${mendable && html`<button type="button" aria-pressed=${mending} onClick=${mend}>mend <kbd aria-hidden="true">e</kbd></button>`}
        ${may && html`<button type="button" onClick=${remove}>delete…</button>`}
        <${CopyCurl} of=${command('GET', path)} /></div></div>
    ${answer.error?.status === 404 && html`<p class="warning">It is not in the list of dead letters: it was sent again, or deleted. <a href=${href(['messages', id])}>to its message</a></p>`}
    <${Loading} of=${answer}>${letter && html`<div class="stack">
      <p class="warning"><strong>Given up:</strong> <code>${letter.reason}</code>${letter.last_error ? `, last: ${letter.last_error}` : ''}, after ${number(letter.attempts.length)} ${letter.attempts.length === 1 ? 'attempt' : 'attempts'}.
        ${' '}<a href=${href(['dead', 'letters'], { to: letter.destination, reason: letter.reason })}>others like it</a></p>
      ${isEvent(letter) ? html`<${AboutEvent} letter=${letter} />` : html`<${About} message=${letter} />`}
      <h2>What became of it</h2><${Timeline} of=${letter} />
      ${mending ? html`<${LetterEditor} key=${id} letter=${letter} path=${path} sent=${sent} />` : html`<${Stored} item=${letter} path=${path} />`}
    </div>`}<//>`;
}

/** @param {{ letter: any }} props */
function AboutEvent({ letter }) {
  return html`<${Facts} of=${[
    ['event', html`<a href=${href(['events', letter.event_id])}>${letter.event_type}</a>`],
    ['sequence', number(letter.sequence)],
    ['subscription', html`<a href=${href(['subscriptions', letter.subscription_id])}>of ${letter.destination}</a>`],
    ['published', html`<${Time} at=${letter.published_at} fine />`],
    ['stream', letter.stream_id && html`<a href=${href(['events', 'streams'], { stream: letter.stream_id })}>${letter.stream_id}</a>`],
    ['conversation', html`<a href=${href(['events', 'conversation'], { id: letter.correlation_id })}>${letter.correlation_id}</a>`],
    ['id', html`<code>${letter.id}</code>`],
  ]} />`;
}
