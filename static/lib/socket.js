// The one socket of a tab: what it watches, and whether what is shown is still true.
import { address, get, subscriber } from './api.js';
import { createStore } from './store.js';

/**
 * @typedef {object} Wish What a view wants to be told.
 * @property {boolean} [stats]
 * @property {boolean} [overview]
 * @property {string[]} [services] at most 200
 * @property {boolean} [jobs]
 * @property {(frame: any) => void} hear
 */

/** Whether the hub is heard, and when it was last. @typedef {{ live: boolean, heard: number, everLive: boolean }} Connection */
export const connection = createStore(/** @type {Connection} */ ({ live: false, heard: Date.now(), everLive: false }));

/** Events of the hub that views look at again for. */
const OWN_EVENTS = ['service.*', 'circuit.*', 'message.dead_lettered', 'subscription.failing'];
const WAITS = [200, 500, 1000, 2000, 5000];
/** A frame comes at least as often as the hub answers a ping. */
const PING = 1000;
/** So long may an answer take before numbers are old. */
const STALE = 2000;

/** @type {Set<Wish>} */
const wishes = new Set();
/** @type {Set<(type: string) => void>} */
const eventListeners = new Set();
/** @type {WebSocket | null} */
let socket = null;
let failures = 0;
let told = '';
let waiting = 0;

/** All that views want, as one frame. */
function wanted() {
  const all = [...wishes];
  const services = [...new Set(all.flatMap(wish => wish.services ?? []))].slice(0, 200);
  return {
    type: 'watch',
    stats: all.some(wish => wish.stats),
    overview: all.some(wish => wish.overview),
    jobs: all.some(wish => wish.jobs),
    ...(services.length > 0 ? { services } : {}),
  };
}

function tell() {
  waiting = 0;
  if (socket?.readyState !== WebSocket.OPEN) return;
  const frame = JSON.stringify(wanted());
  if (frame === told) return;
  told = frame;
  socket.send(frame);
}

/** Several wishes that change together are told once. */
function tellSoon() {
  if (waiting === 0) waiting = window.setTimeout(tell, 0);
}

/** @param {MessageEvent} message */
function hear(message) {
  connection.set({ live: true, heard: Date.now(), everLive: true });
  const said = JSON.parse(message.data);
  for (const frame of Array.isArray(said) ? said : [said]) {
    if (frame.type === 'event') for (const listener of eventListeners) listener(frame.event.type);
    else for (const wish of wishes) wish.hear(frame);
  }
}

/** Opens the socket, again whenever it ends. */
export function connect() {
  const to = address('/v1/events/stream');
  to.protocol = to.protocol === 'https:' ? 'wss:' : 'ws:';
  const opened = new WebSocket(to);
  socket = opened;
  opened.onopen = () => {
    failures = 0;
    told = '';
    opened.send(JSON.stringify({ type: 'subscribe', service: subscriber(), event_types: OWN_EVENTS }));
    tell();
  };
  opened.onmessage = hear;
  opened.onclose = () => {
    if (socket !== opened) return;
    connection.set(now => ({ ...now, live: false }));
    // A session may have ended, with the hub or by itself: browsers do not say why a handshake failed, but the hub says who one is.
    get('/v1/session').catch(() => undefined);
    window.setTimeout(() => socket === opened && connect(), WAITS[Math.min(failures, WAITS.length - 1)] * (0.5 + Math.random() / 2));
    failures += 1;
  };
}

export function disconnect() {
  const old = socket;
  socket = null;
  old?.close();
}

window.setInterval(() => {
  if (socket?.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
  const { live, heard } = connection.get();
  if (live && Date.now() - heard > STALE) connection.set(now => ({ ...now, live: false }));
}, PING);

/** @param {Wish} wish @returns {() => void} ends it */
export function watch(wish) {
  wishes.add(wish);
  tellSoon();
  return () => {
    wishes.delete(wish);
    tellSoon();
  };
}

/** @param {(type: string) => void} listener hears the types of the hub's own events @returns {() => void} */
export function onOwnEvent(listener) {
  eventListeners.add(listener);
  return () => eventListeners.delete(listener);
}
