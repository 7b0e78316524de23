// Events as they are published, over a socket that is open only as long as somebody looks.
import { subscriber } from './api.js';
import { parse } from './json.js';

/** @typedef {import('./tail.js').TailEvent} TailEvent */
/**
 * @typedef {object} Listener What becomes of a feed.
 * @property {(events: TailEvent[]) => void} events in their order
 * @property {(count: number) => void} skipped so many more matched than were asked for
 * @property {() => void} live the hub sends what matches from now on
 * @property {(error: { code: string, message: string }) => void} refused the patterns are wrong; nothing comes
 * @property {() => void} away the socket has ended; it is opened again by itself
 */

/** Waits before the socket is opened again, in milliseconds: soon first, then seldom. */
const WAITS = [200, 500, 1000, 2000, 5000];

/**
 * @param {string[]} types patterns
 * @param {number} most events a second; the hub counts the others
 * @param {Listener} listener
 * @returns {() => void} ends it
 */
export function listen(types, most, listener) {
  let ended = false;
  let failures = 0;
  let timer = 0;
  /** @type {WebSocket} */
  let socket;
  const address = new URL('v1/events/stream', document.baseURI);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';

  /** @param {any} frame */
  function hear(frame) {
    if (frame.type === 'subscribed') {
      failures = 0;
      listener.live();
    } else if (frame.type === 'skipped') listener.skipped(frame.count);
    else if (frame.type === 'error') {
      ended = true;
      socket.close();
      listener.refused(frame.error);
    }
  }

  function open() {
    socket = new WebSocket(address);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', service: subscriber(), event_types: types, max_rate: most, payload: 'head', ref: 'tail' }));
    socket.onmessage = message => {
      const said = parse(message.data);
      const frames = Array.isArray(said) ? said : [said];
      const events = frames.filter(frame => frame.type === 'event').map(frame => frame.event);
      if (events.length > 0) listener.events(events);
      for (const frame of frames) hear(frame);
    };
    socket.onclose = () => {
      if (ended) return;
      listener.away();
      timer = setTimeout(open, WAITS[Math.min(failures, WAITS.length - 1)] * (0.5 + Math.random() / 2));
      failures += 1;
    };
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket.close();
  };
}
