// What can be done with the queues of one service or of several: a request for each, sent one after the other.
import { command } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { number } from '../lib/parts.js';

/** @typedef {{ service: string }} Named */

/** @param {Named[]} rows */
const named = rows => (rows.length === 1 ? `the queue of ${rows[0].service}` : `the queues of ${number(rows.length)} services`);

/** @param {Named[]} rows @param {() => void} [done] */
export function pauseQueues(rows, done) {
  openDialog({
    title: `Pause ${named(rows)}`, verb: 'pause', done, text: 'Nothing is handed out, also after a restart; messages are accepted as before.',
    request: () => rows.map(({ service }) => command('POST', '/v1/queue/pause', { service })),
  });
}

/** @param {Named[]} rows @param {() => void} [done] */
export function resumeQueues(rows, done) {
  openDialog({
    title: `Resume ${named(rows)}`, verb: 'resume', done, text: 'What waits is handed out again.',
    request: () => rows.map(({ service }) => command('POST', '/v1/queue/resume', { service })),
  });
}

/** @param {{ service: string, queued: number, retrying: number, scheduled: number }[]} rows of the overview @param {() => void} [done] */
export function clearQueues(rows, done) {
  const count = rows.reduce((sum, row) => sum + row.queued + row.retrying + row.scheduled, 0);
  openDialog({
    title: `Clear ${named(rows)}`, verb: 'clear', danger: true, done, type: rows.length === 1 ? rows[0].service : String(rows.length),
    text: `What waits is cancelled, ${number(count)} by now: queued, parked, scheduled and between two attempts, but not what is under way.`,
    request: () => rows.map(({ service }) => command('DELETE', `/v1/queue?service=${encodeURIComponent(service)}`)),
  });
}
