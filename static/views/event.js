// One event: what it says, where it came from, what belongs to it.
import { html } from '../lib/html.js';
import { command, step } from '../lib/api.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, Facts, Loading, number, Time } from '../lib/parts.js';
import { Payload } from '../lib/payload.js';
import { href } from '../lib/route.js';

/** @param {{ id: string, close?: () => void }} props `close`: it is shown beside something else */
export function EventPage({ id, close }) {
  const path = `/v1/events/${step(id)}`;
  const answer = useAnswer(path);
  useKeys(close ? { Escape: { text: 'close the event', run: close } } : {});
  const event = answer.value;
  return html`<section class="stack" aria-label="event">
    <div class="title"><h2>${event ? event.event_type : `event ${id}`}</h2>
      <div class="actions"><${CopyCurl} of=${command('GET', path)} />
        ${close && html`<a href=${href(['events', id])}>alone</a><button type="button" onClick=${close}>close</button>`}</div></div>
    <${Loading} of=${answer}>${event && html`<${Details} event=${event} />`}<//>
  </section>`;
}

/** @param {{ event: any }} props */
function Details({ event }) {
  const { stream_id: stream, correlation_id: conversation, causation_id: cause } = event;
  return html`<div class="stack">
    <${Facts} of=${[
    ['sequence', number(event.sequence)],
    ['published', html`<${Time} at=${event.published_at} fine />`],
    ['its own time', event.timestamp !== event.published_at && html`<${Time} at=${event.timestamp} fine />`],
    ['source', html`<a href=${href(['services', event.source])}>${event.source}</a>`],
    ['stream', stream && html`<a href=${href(['events', 'streams'], { stream })}>${stream}</a> version ${event.stream_version}`],
    ['conversation', html`<a href=${href(['events', 'conversation'], { id: conversation })}>${conversation}</a>`],
    ['caused by', cause && html`<a href=${href(['messages', cause])}>${cause}</a>`],
    ['id', html`<code>${event.id}</code>`],
  ]} />
    ${event.metadata !== null && event.metadata !== undefined && html`<details><summary>metadata</summary><${Payload} text=${event.metadata} name=${`${event.id}.metadata`} /></details>`}
    <${Payload} text=${event.payload} name=${event.id} />
  </div>`;
}
