// What dead letters are found by, in the list, in groups and for jobs.

const REASONS = ['attempts_exhausted', 'rejected', 'expired', 'invalid'];

/** @type {import('../lib/filters.js').Filter[]} */
export const LETTER_FILTERS = [
  { name: 'to', label: 'to', hub: 'destination' },
  { name: 'from', label: 'from', hub: 'source' },
  { name: 'reason', label: 'reason', hub: 'reason', words: REASONS },
  { name: 'since', label: 'died since', hub: 'since', hint: '15m, 12:00, 2026-05-01', time: true },
  { name: 'until', label: 'until', hub: 'until', hint: '12:30', time: true },
  { name: 'contains', label: 'error contains', hub: 'error_contains', grow: true },
  { name: 'type', label: 'type', hub: 'type', rare: true },
  { name: 'error', label: 'error of the group', hub: 'error', hint: 'HTTP #', rare: true },
  { name: 'conversation', label: 'conversation', hub: 'correlation_id', rare: true },
  { name: 'subscription', label: 'subscription', hub: 'subscription_id', rare: true },
];

/** In words, for the title of a dialog. @param {Record<string, string>} filter */
export function inWords(filter) {
  const parts = Object.values(filter);
  return parts.length === 0 ? 'all dead letters' : `the letters of ${parts.join(' · ')}`;
}
