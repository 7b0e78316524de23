// What became of a message so far: each step at its time, and what was waited for between them.
import { html } from './html.js';
import { number, Time } from './parts.js';
import { span } from './time.js';

const TONES = { delivered: 'ok', cancelled: 'muted', expired: 'warn' };
const tone = word => TONES[word] ?? 'bad';
/** Waits that are shorter are no news, in seconds. */
const SHORT = 0.1;

/**
 * @typedef {object} Step
 * @property {string} key
 * @property {string | null} [at] none: it lies between two others
 * @property {string} shape
 * @property {any} text
 */

/** @param {any} attempt @returns {number} when it had ended, in milliseconds */
const ended = attempt => Date.parse(attempt.at) + attempt.duration_ms;

/** @param {any} attempt @param {number} i @returns {Step} */
function attemptStep(attempt, i) {
  const { number: count, instance, outcome, status_code: code, duration_ms: took, error } = attempt;
  const said = [code && !error?.includes(String(code)) ? `HTTP ${code}` : null, error].filter(Boolean).join(': ');
  return {
    key: `attempt ${i}`,
    at: attempt.at,
    shape: outcome === 'delivered' ? '●' : '○',
    text: html`attempt ${count} ${instance && html`<span class="muted">by</span> ${instance} `}<strong class=${tone(outcome)}>${outcome.replaceAll('_', ' ')}</strong>
      ${said !== '' && html` <span class=${outcome === 'delivered' ? 'muted' : 'bad'}>${said}</span>`} <span class="muted">after ${span(took / 1000)}</span>`,
  };
}

/** @param {any} item a message, or a dead letter of an event @returns {Step[]} */
export function steps(item) {
  const from = item.accepted_at ?? item.published_at;
  // What is sent again is accepted anew; its attempts of before stay.
  const again = item.accepted_at !== undefined && item.redriven > 0;
  const before = again ? item.attempts.filter(attempt => Date.parse(attempt.at) < Date.parse(from)).length : 0;
  /** @type {Step} */
  const begin = { key: 'begin', at: from, shape: '○', text: again ? 'sent again, on disk' : item.accepted_at ? 'accepted, on disk' : 'published' };
  /** @type {Step[]} */
  const all = before === 0 ? [begin] : [];
  let last = before === 0 ? Date.parse(from) : Date.parse(item.attempts[0].at);
  item.attempts.forEach((attempt, i) => {
    if (before > 0 && i === before) {
      all.push(begin);
      last = Date.parse(from);
    }
    const waited = (Date.parse(attempt.at) - last) / 1000;
    if (waited >= SHORT) all.push({ key: `wait ${i}`, shape: '┆', text: html`<span class="muted">${i === before ? 'waited' : 'next attempt after'} ${span(waited)}</span>` });
    all.push(attemptStep(attempt, i));
    last = ended(attempt);
  });
  if (before > 0 && before === item.attempts.length) all.push(begin);
  if (item.settled_at) {
    const redriven = item.redriven > 0 ? html` <span class="muted">after it was sent again ${item.redriven === 1 ? 'once' : `${number(item.redriven)} times`}</span>` : null;
    const state = item.state ?? 'dead';
    all.push({ key: 'end', at: item.settled_at, shape: state === 'delivered' ? '●' : '✕', text: html`<strong class=${tone(state)}>${state}</strong>${item.reason && html` <code>${item.reason}</code>`}${redriven}` });
  } else if (item.waiting) {
    const { since, until, ahead } = item.waiting;
    all.push({ key: 'now', at: since, shape: '◌', text: html`<strong>${item.state}</strong>${ahead ? html`, ${ahead >= 1000 ? '1,000 or more' : number(ahead)} ahead of it` : ''}${until ? html`, until <${Time} at=${until} /> at least` : ''}` });
  }
  return all;
}

/** @param {{ of: any }} props */
export function Timeline({ of }) {
  return html`<ol class="timeline whole" aria-label="what became of it">${steps(of).map(({ key, at, shape, text }) => html`<li key=${key}>
    ${at ? html`<${Time} at=${at} fine />` : html`<span>${key === 'now' ? 'now' : ''}</span>`}
    <span class="shape" aria-hidden="true">${shape}</span><div>${text}</div></li>`)}</ol>`;
}
