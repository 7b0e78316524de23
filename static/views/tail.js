// The live tail: events as they come, newest first, held still while somebody reads.
import { html, useEffect, useMemo, useReducer, useState } from '../lib/html.js';
import { announce } from '../lib/announce.js';
import { listen } from '../lib/feed.js';
import { useKeys } from '../lib/keys.js';
import { Empty, Failure, Head, number, Time } from '../lib/parts.js';
import { amend, href } from '../lib/route.js';
import { Table } from '../lib/table.js';
import { patterns, Tail } from '../lib/tail.js';
import { EventPage } from './event.js';

/** Rows that are kept: more than anybody scrolls through, few enough to be drawn at once. */
const ROWS = 200;
/** Events a second that are sent to be shown; the others are counted. */
const SHOWN = 50;
/** Milliseconds between two drawings. */
const DRAWN = 250;
const EVERYTHING = '#';

/** @typedef {'opening' | 'live' | 'away' | { code: string, message: string }} FeedState */

/** @param {string} types as in the address @returns {{ tail: Tail, state: FeedState, draw: () => void }} */
function useTail(types) {
  const tail = useMemo(() => new Tail(ROWS), [types]);
  const [state, setState] = useState(/** @type {FeedState} */ ('opening'));
  const [, draw] = useReducer(count => count + 1, 0);
  useEffect(() => {
    setState('opening');
    let lost = false;
    const end = listen(patterns(types), SHOWN, {
      events: events => tail.add(events, Date.now()),
      skipped: count => tail.skip(count, Date.now()),
      live: () => {
        if (lost) tail.gap('the hub was not heard for a while');
        setState('live');
      },
      refused: setState,
      away: () => {
        lost = true;
        setState('away');
      },
    });
    const timer = setInterval(draw, DRAWN);
    return () => {
      clearInterval(timer);
      end();
    };
  }, [tail, types]);
  return { tail, state, draw };
}

/** @param {{ query: URLSearchParams }} props */
export function LiveTail({ query }) {
  const types = query.get('types') ?? EVERYTHING;
  const open = query.get('open');
  const { tail, state, draw } = useTail(types);
  const [paused, setPaused] = useState(false);
  const [pointed, setPointed] = useState(false);
  const held = paused || pointed || open !== null;
  useEffect(() => {
    if (held) tail.hold();
    else tail.release();
    draw();
  }, [held, tail]);
  const pause = () => setPaused(now => {
    announce(now ? 'the tail goes on' : 'the tail is paused');
    return !now;
  });
  const fetch = () => {
    tail.fetch();
    draw();
  };
  useKeys({ p: { text: 'pause the tail, or let it go on', run: pause }, '.': { text: 'show new events', run: fetch } });
  return html`
    <div class="filters">
      <${PatternField} types=${types} />
      <button type="button" aria-pressed=${paused} onClick=${pause}>${paused ? 'go on' : 'pause'} <kbd aria-hidden="true">p</kbd></button>
      <${Speed} tail=${tail} state=${state} held=${held} />
    </div>
    ${typeof state === 'object' && html`<${Failure} error=${state} />`}
    <div class=${open === null ? '' : 'beside'}>
      <div onMouseEnter=${() => setPointed(true)} onMouseLeave=${() => setPointed(false)}>
        ${tail.fresh > 0 && html`<button type="button" class="fresh" onClick=${fetch}>${number(tail.fresh)} new <kbd aria-hidden="true">.</kbd></button>`}
        <${Rows} tail=${tail} types=${types} open=${open} />
      </div>
      ${open !== null && html`<aside aria-label="the event that is open"><${EventPage} id=${open} close=${() => amend({ open: null })} /></aside>`}
    </div>`;
}

/** @param {{ types: string }} props */
function PatternField({ types }) {
  const submit = event => {
    event.preventDefault();
    const wanted = patterns(String(new FormData(event.target).get('types'))).join(', ');
    amend({ types: wanted === EVERYTHING ? null : wanted, open: null });
  };
  return html`<form class="field grow" onSubmit=${submit}>
    <label for="types">types: <code>*</code> is one word, <code>#</code> any number of words</label>
    <input id="types" name="types" key=${types} defaultValue=${types} placeholder="character.#, circuit.*" spellcheck="false" autocomplete="off" />
  </form>`;
}

/** @param {{ tail: Tail, state: FeedState, held: boolean }} props */
function Speed({ tail, state, held }) {
  const words = { opening: 'connecting …', away: 'the hub is not heard; it is tried again', live: held ? 'held' : 'live' };
  if (typeof state === 'object') return null;
  const rate = tail.rate(Date.now());
  return html`<p class="speed"><span class=${state === 'live' ? 'ok' : 'warn'}>${state === 'live' && !held ? '●' : '‖'} ${words[state]}</span>
    <span>${rate < 10 ? rate.toFixed(1) : number(Math.round(rate))}/s</span>
    <span class="muted">${number(tail.shown)} shown${tail.skipped > 0 ? `, ${number(tail.skipped)} more only counted` : ''}</span></p>`;
}

/** @param {{ tail: Tail, types: string, open: string | null }} props */
function Rows({ tail, types, open }) {
  if (tail.rows.length === 0) {
    return html`<${Empty} what=${`Events of ${types === EVERYTHING ? 'all types' : types} appear here as they are published.`}
      command=${`curl ${new URL('v1/events', document.baseURI)} -d '{"event_type":"order.paid","source":"shop","payload":{"order":7}}'`} />`;
  }
  const event = cell => row => ('gap' in row ? null : cell(row.event));
  return html`<${Table} caption="events, newest first" rows=${tail.rows} id=${row => row.key} here=${tail.rows.find(row => 'event' in row && row.event.id === open)?.key}
    tone=${row => ('gap' in row ? 'gap' : '')}
    columns=${[
    { name: 'sequence', right: true, head: true, cell: row => ('gap' in row ? '┄' : html`<a href=${href(['events'], { types: types === EVERYTHING ? null : types, open: row.event.id })}>${number(row.event.sequence)}</a>`) },
    { name: 'at', cell: event(one => html`<${Time} at=${one.timestamp} fine />`) },
    { name: 'type', cell: row => ('gap' in row ? html`<span>${row.gap}</span>` : html`<span class="cut">${row.event.type}</span>`) },
    { name: 'source', cell: event(one => html`<span class="cut">${one.source}</span>`) },
    { name: 'stream', cell: row => ('gap' in row ? row.from !== null && html`<a href=${href(['events', 'search'], { type: types, from: row.from })}>find what came</a>` : row.event.stream_id && html`<span class="cut">${row.event.stream_id} <span class="muted">v${row.event.stream_version}</span></span>`) },
    { name: 'payload', wide: true, cell: event(one => html`<${Head} item=${one} />`) },
  ]} />`;
}
