// The small parts that all views are made of.
import { html, useEffect, useState } from './html.js';
import { curl } from './api.js';
import { announce } from './announce.js';
import { toClipboard } from './clipboard.js';
import { useStore } from './store.js';
import { exact, shown, timeMode } from './time.js';
import { visible } from './visible.js';

const SYMBOLS = {
  healthy: '●', degraded: '◐', unhealthy: '○', unknown: '◌',
  delivered: '●', dead: '✕', expired: '◔', cancelled: '⊘', parked: '◌', queued: '○', retrying: '◐', scheduled: '◷', delivering: '▶',
  active: '●', paused: '‖', gone: '✕', circuit_open: '○', running: '●', done: '●', stopped: '✕', failed: '✕', rejected: '✕',
  CLOSED: '●', OPEN: '○', HALF_OPEN: '◐', closed: '●', open: '○', 'half open': '◐',
};
const TONES = {
  healthy: 'ok', delivered: 'ok', active: 'ok', done: 'ok', running: 'ok', CLOSED: 'ok',
  degraded: 'warn', retrying: 'warn', paused: 'warn', parked: 'warn', circuit_open: 'warn', HALF_OPEN: 'warn', expired: 'warn',
  unhealthy: 'bad', dead: 'bad', gone: 'bad', OPEN: 'bad', stopped: 'bad', failed: 'bad', rejected: 'bad',
};

/** A state: a shape and a word, never a colour alone. @param {{ of: string, word?: string, quiet?: boolean }} props `quiet`: nothing is in it */
export function State({ of, word = of.toLowerCase().replaceAll('_', ' '), quiet = false }) {
  return html`<span class=${`state ${quiet ? 'muted' : TONES[of] ?? 'muted'}`}><span class="shape" aria-hidden="true">${SYMBOLS[of] ?? '·'}</span> ${word}</span>`;
}

/** A time as the reader wants it; the exact one on hover, and by a click in the clipboard. @param {{ at: string | null | undefined, fine?: boolean }} props */
export function Time({ at, fine = false }) {
  const mode = useStore(timeMode, value => value);
  const [, tick] = useState(0);
  useEffect(() => {
    if (mode !== 'relative' || !at) return undefined;
    const timer = setInterval(() => tick(count => count + 1), 5000);
    return () => clearInterval(timer);
  }, [mode, at]);
  if (!at) return html`<span class="muted">–</span>`;
  return html`<time datetime=${at} title=${exact(at)}>${shown(at, mode, fine)}</time>`;
}

const TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/;

/** A sentence of the hub, with its times as the reader wants them. @param {string} sentence @returns {any[]} */
export const withTimes = sentence => sentence.split(TIME).map((part, i) => (i % 2 === 1 ? html`<${Time} key=${i} at=${part} />` : part));

/** @param {number | null | undefined} value */
export const number = value => (value === null || value === undefined ? '–' : value.toLocaleString('en-US'));

/** @param {number | null | undefined} size */
export function bytes(size) {
  if (size === null || size === undefined) return '–';
  for (const [unit, most] of /** @type {[string, number][]} */ ([['B', 1e3], ['KB', 1e6], ['MB', 1e9], ['GB', 1e12]])) {
    if (size < most) return unit === 'B' ? `${size} B` : `${(size / (most / 1e3)).toFixed(size < most / 100 ? 1 : 0)} ${unit}`;
  }
  return `${(size / 1e12).toFixed(1)} TB`;
}

/** The first of a payload, in one line. @param {{ item: any }} props an item with `payload_head`, or `payload` */
export function Head({ item }) {
  const text = item.payload_head ?? item.payload;
  if (text === null || text === undefined) return html`<span class="muted">${item.payload_bytes ? `${bytes(item.payload_bytes)}, no text` : '–'}</span>`;
  return html`<code class="head">${visible(text.slice(0, 300))}</code>`;
}

/** What went wrong: code, sentence, id of the request, and once more. @param {{ error: import('./api.js').Refusal, again?: () => void }} props */
export function Failure({ error, again }) {
  const id = error.details?.request_id;
  return html`<div class="failure" role="alert">
    <p><strong>${error.code ?? 'Fault of the page'}</strong> ${error.message}</p>
    ${id && html`<p class="muted">request <code>${id}</code></p>`}
    ${again && html`<button type="button" onClick=${again}>try again</button>`}
  </div>`;
}

/**
 * What is asked for: its failure, a bar while it is slow, what was there meanwhile.
 * @param {{ of: { value: any, error: any, slow: boolean, loading: boolean, again: () => void }, children: any }} props
 */
export function Loading({ of, children }) {
  return html`<div class="loading" aria-busy=${of.loading ? 'true' : undefined}>
    ${of.slow && html`<div class="slow" role="status"><span class="hidden">it takes a while</span></div>`}
    ${of.error && html`<${Failure} error=${of.error} again=${of.again} />`}
    ${of.value !== undefined && html`<div class=${of.error ? 'dimmed' : ''}>${children}</div>`}
  </div>`;
}

/** Nothing is there: what would be, and the command that makes one. @param {{ what: string, command?: string }} props */
export function Empty({ what, command }) {
  return html`<div class="empty"><p>${what}</p>${command && html`<pre tabindex="0"><code>${command}</code></pre><${Copy} text=${command} />`}</div>`;
}

/** @param {{ text: string, label?: string }} props */
export function Copy({ text, label = 'copy' }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await toClipboard(text);
    } catch (error) {
      return announce(error.message);
    }
    setDone(true);
    announce('copied');
    setTimeout(() => setDone(false), 2000);
    return undefined;
  };
  return html`<button type="button" class="quiet" onClick=${copy}>${done ? 'copied ✓' : label}</button>`;
}

/** @param {{ of: import('./api.js').Command }} props a request, to run elsewhere */
export function CopyCurl({ of }) {
  return html`<${Copy} text=${curl(of)} label="copy as curl" />`;
}

/** The key that copies a request. @param {import('./api.js').Command} of @returns {import('./keys.js').Keys} */
export const curlKey = of => ({
  c: {
    text: 'copy as curl',
    run: () => toClipboard(curl(of)).then(() => announce('copied as curl'), error => announce(error.message)),
  },
});

/** Names and values. @param {{ of: [string, any][] }} props those without a value are left out */
export function Facts({ of }) {
  const given = of.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return html`<dl class="facts">${given.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Tabs that are addresses. @param {{ label: string, of: { name: string, to: string, here: boolean }[] }} props */
export function Tabs({ label, of }) {
  return html`<nav class="tabs" aria-label=${label}>${of.map(({ name, to, here }) => html`<a key=${name} href=${to} aria-current=${here ? 'page' : undefined}>${name}</a>`)}</nav>`;
}
