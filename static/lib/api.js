// Requests to the hub, and what is wrong if they fail.
import { parse } from './json.js';
import { createStore } from './store.js';

/**
 * @typedef {object} Session Who looks, as `GET /v1/session` says.
 * @property {string | null} name
 * @property {'anonymous' | 'service' | 'viewer' | 'operator'} role
 * @property {boolean} keys_required
 * @property {string | null} expires_at
 * @property {string} version
 * @property {string} started_at
 * @property {string} now
 * @property {string[]} features
 */
/** Undefined: not known yet; null: nobody has signed in. @type {import('./store.js').Store<Session | null | undefined>} */
export const session = createStore(/** @type {Session | null | undefined} */ (undefined));

/** Whether the reader may change anything that is not its own. */
export function mayAct() {
  const role = session.get()?.role;
  return role === 'operator' || role === 'anonymous';
}

/** As whom a socket subscribes to events: a hub without keys knows no name, and asks for one. */
export function subscriber() {
  return session.get()?.name ?? 'dashboard';
}

/** A request that was refused, or that nobody answered (`NO_ANSWER`). */
export class Refusal extends Error {
  /** @param {{ status: number, code: string, message: string, details?: Record<string, any> }} what */
  constructor({ status, code, message, details = {} }) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** @returns {string | undefined} the field that is to blame */
  get field() {
    return this.details.field;
  }
}

/**
 * A path with its query; what is null, undefined or empty is left out.
 * @param {string} path @param {Record<string, any>} [query]
 */
export function withQuery(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Where a path of the hub is, also behind a prefix of a proxy. @param {string} path */
export function address(path) {
  return new URL(path.replace(/^\//, ''), document.baseURI);
}

/**
 * @param {string} method @param {string} path with its query
 * @param {{ body?: string, signal?: AbortSignal }} [options] `body`: JSON text
 * @returns {Promise<string>} the answer as it came; empty if it has no body
 */
export async function askText(method, path, { body, signal } = {}) {
  let response;
  let text;
  try {
    const headers = body === undefined ? undefined : { 'content-type': 'application/json' };
    response = await fetch(address(path), { method, body, signal, headers });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal({ status: 0, code: 'NO_ANSWER', message: 'the hub does not answer' });
  }
  if (response.ok) return text;
  throw refusal(response.status, text);
}

/**
 * @param {string} method @param {string} path with its query
 * @param {{ body?: string, signal?: AbortSignal, keep?: string[] }} [options] `keep`: members whose text is kept, beside payloads
 * @returns {Promise<any>} the answer; undefined if it has no body
 */
export async function ask(method, path, { keep, ...options } = {}) {
  const text = await askText(method, path, options);
  return text === '' ? undefined : parse(text, keep);
}

/** @param {number} status @param {string} text */
function refusal(status, text) {
  if (status === 401) session.set(null);
  try {
    const { code, message, details } = JSON.parse(text).error;
    return new Refusal({ status, code, message, details });
  } catch {
    return new Refusal({ status, code: `HTTP ${status}`, message: 'what answered is no hub, perhaps a proxy before it' });
  }
}

/** @param {string} path @param {Record<string, any>} [query] @param {{ signal?: AbortSignal, keep?: string[] }} [options] */
export function get(path, query, options) {
  return ask('GET', withQuery(path, query), options);
}

/** A request that changes something, as it is shown, copied and sent. @typedef {{ method: string, path: string, body?: string }} Command */

/** @param {string} method @param {string} path @param {unknown} [body] @returns {Command} */
export function command(method, path, body) {
  return { method, path, body: body === undefined ? undefined : JSON.stringify(body) };
}

/** @param {Command} command */
export function send({ method, path, body }) {
  return ask(method, path, { body });
}

/** For a shell: quotes stay what they are. @param {string} text */
const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;

/** The same request for a shell; the key is never in it. @param {Command} command */
export function curl({ method, path, body }) {
  const who = session.get();
  const words = ['curl', ...(method === 'GET' ? [] : ['-X', method]), quoted(address(path).href)];
  if (who?.keys_required) words.push('-H', quoted(`X-Service-Name: ${who.name}`), '-H', '"X-Service-Key: $MESSAGE_HUB_KEY"');
  if (body !== undefined) words.push('-d', quoted(body));
  return words.join(' ');
}

/** A name as a step of a path. @param {string} name */
export const step = name => encodeURIComponent(name);
