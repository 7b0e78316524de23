// Times as the reader wants them: one choice for the whole page, inputs too.
import { createChoice, createStore } from './store.js';

export const timeMode = createChoice('times', ['local', 'UTC', 'relative']);
/** Now by the hub's clock: what that says and what the reader's says may differ. */
export const clock = createStore({ ahead: 0 });

/** @param {string} now as the hub says */
export function setClock(now) {
  clock.set({ ahead: Date.parse(now) - Date.now() });
}

/** Milliseconds by the hub's clock. */
export const now = () => Date.now() + clock.get().ahead;

const two = number => String(number).padStart(2, '0');

/** @param {Date} date @param {boolean} utc */
function parts(date, utc) {
  return utc
    ? { day: `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`, time: `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}` }
    : { day: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`, time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}` };
}

/** A span in the unit one would say it in. @param {number} seconds */
export function span(seconds) {
  const size = Math.abs(seconds);
  if (size < 1) return `${size > 0 && size < 0.01 ? (seconds * 1000).toFixed(1) : Math.round(seconds * 1000)} ms`;
  if (size < 10) return `${seconds.toFixed(1)} s`;
  if (size < 120) return `${Math.round(seconds)} s`;
  if (size < 7200) return `${Math.round(seconds / 60)} min`;
  if (size < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** @param {string} time as the hub says @param {string} mode @param {boolean} [fine] with milliseconds */
export function shown(time, mode, fine = false) {
  const date = new Date(time);
  if (mode === 'relative') {
    const seconds = (now() - date.getTime()) / 1000;
    return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
  }
  const utc = mode === 'UTC';
  const { day, time: clockTime } = parts(date, utc);
  const whole = `${clockTime}${fine ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : ''}`;
  const today = parts(new Date(now()), utc).day;
  return `${day === today ? '' : `${day} `}${whole}`;
}

/** The exact time, with its zone: what is copied and what is said on hover. @param {string} time */
export function exact(time) {
  const date = new Date(time);
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  const zone = `${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  const { day, time: clockTime } = parts(date, false);
  return `${time} (${day} ${clockTime} ${zone})`;
}

/**
 * What a reader wrote into a field of time: a time of today, a day, a day with a time (in the zone that is shown), `15m`, `2h` or `3d` ago,
 * or a time with a zone.
 * @param {string} text @returns {string | null} as the hub reads it; null if it is no time
 */
export function readTime(text) {
  const back = /^(\d+)\s*(s|m|min|h|d)$/.exec(text.trim());
  if (back) {
    const unit = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }[back[2]] ?? 1;
    return new Date(now() - Number(back[1]) * unit * 1000).toISOString();
  }
  const utc = timeMode.get() === 'UTC';
  const today = parts(new Date(now()), utc).day;
  const whole = /^\d{1,2}:\d{2}/.test(text.trim()) ? `${today} ${text.trim().padStart(text.trim().indexOf(':') === 1 ? text.trim().length + 1 : 0, '0')}` : text.trim();
  const dated = /^\d{4}-\d{2}-\d{2}$/.test(whole) ? `${whole} 00:00` : whole;
  const written = dated.replace(' ', 'T');
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(written) || !/T/.test(written) ? written : utc ? `${written}Z` : written;
  const date = new Date(zoned);
  return Number.isNaN(date.getTime()) || !/^\d{4}-/.test(written) ? null : date.toISOString();
}
