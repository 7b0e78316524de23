// Sending many dead letters again, or deleting them: which are meant, what it says before it does it.
import { command, send } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { number } from '../lib/parts.js';
import { go, href } from '../lib/route.js';

/**
 * @typedef {object} Meant
 * @property {Record<string, string>} [filter] by the hub's words
 * @property {string[]} [ids] or these
 * @property {string} text in words
 */

/** A figure as it was written, if it is one; else the text, so that the hub says what is wrong. @param {string} text */
const figure = text => (text.trim() === '' ? undefined : Number.isNaN(Number(text)) ? text : Number(text));
const letters = count => `${number(count)} ${count === 1 ? 'letter' : 'letters'}`;
const toJobs = job => go(href(['dead', 'jobs'], { job: job.job }));

/** @param {string} path @param {Meant} meant @returns {(values: Record<string, string>) => Promise<number>} */
function counted(path, { filter, ids }) {
  return async () => (await send(command('POST', path, { ...(ids ? { ids } : { filter }), dry_run: true }))).matched;
}

/** @param {Meant} meant */
export function redrive(meant) {
  const path = '/v1/dlq/redrive';
  openDialog({
    title: `Redrive ${meant.text}`,
    text: 'Each is sent again once, its attempts start anew. It runs in the hub, survives a restart, and stops by itself when 10 in a row die again.',
    fields: [
      { name: 'rate', label: 'letters a second', value: '200', inputmode: 'decimal' },
      { name: 'destination', label: 'to another service', hint: 'empty: to where they were for' },
    ],
    count: counted(path, meant),
    told: count => `${letters(count)} matched now.`,
    verb: count => `redrive ${number(count)}`,
    request: values => command('POST', path, {
      ...(meant.ids ? { ids: meant.ids } : { filter: meant.filter }), rate: figure(values.rate), ...(values.destination ? { destination: values.destination.trim() } : {}),
    }),
    done: toJobs,
  });
}

/** @param {Meant} meant */
export function remove(meant) {
  const path = '/v1/dlq/delete';
  openDialog({
    title: `Delete ${meant.text}`, danger: true,
    text: 'They go for good, content and all. In every count they stay dead or expired.',
    count: counted(path, meant),
    told: count => `${letters(count)} matched now.`,
    verb: count => `delete ${number(count)}`,
    type: count => String(count),
    request: () => command('POST', path, meant.ids ? { ids: meant.ids } : { filter: meant.filter }),
    done: toJobs,
  });
}
