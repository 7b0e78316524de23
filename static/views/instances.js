// The instances of a service: how each is, why one is sent nothing, and how one is drained or removed.
import { html } from '../lib/html.js';
import { command, mayAct, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { Empty, number, State, Time } from '../lib/parts.js';
import { Table } from '../lib/table.js';

/** @param {string} name @param {any} instance @param {() => void} done */
function drain(name, instance, done) {
  openDialog({
    title: `Drain ${instance.instance_id} of ${name}`, verb: 'drain', text: 'It finishes what it has and gets nothing new, until it registers again.', done,
    request: () => command('POST', `/v1/services/${step(name)}/instances/${step(instance.instance_id)}/drain`),
  });
}

/** @param {string} name @param {any} instance @param {() => void} done */
function remove(name, instance, done) {
  openDialog({
    title: `Remove ${instance.instance_id} of ${name}`, verb: 'remove', danger: true, type: instance.instance_id, text: 'It gets nothing more, until it registers again.', done,
    request: () => command('DELETE', `/v1/services/${step(name)}/instances/${step(instance.instance_id)}`),
  });
}

/** @param {{ of: any[], name: string, again: () => void }} props */
export function Instances({ of, name, again }) {
  if (of.length === 0) {
    const command = `curl ${new URL('v1/services/register', document.baseURI)} -d '${JSON.stringify({ service: name, url: 'http://127.0.0.1:9001' })}'`;
    return html`<${Empty} what="No instance is registered; what is sent to it waits." command=${command} />`;
  }
  const actions = row => html`${!row.draining_since && html`<button type="button" class="quiet" aria-label=${`drain ${row.instance_id}`} onClick=${() => drain(name, row, again)}>drain…</button>`}
    <button type="button" class="quiet" aria-label=${`remove ${row.instance_id}`} onClick=${() => remove(name, row, again)}>remove…</button>`;
  return html`<${Table} caption="instances" rows=${of} id=${row => row.instance_id} columns=${[
    { name: 'instance', head: true, cell: row => row.instance_id },
    { name: 'state', cell: row => html`<${State} of=${row.draining_since ? 'draining' : row.status} />` },
    { name: 'address', cell: row => row.url ?? row.transport },
    { name: 'version', cell: row => row.version },
    { name: 'weight', right: true, cell: row => number(row.weight) },
    { name: 'under way', right: true, cell: row => `${number(row.in_flight)} of ${number(row.max_in_flight)}` },
    { name: 'last seen', cell: row => html`<${Time} at=${row.last_seen} />` },
    { name: 'why', wide: true, cell: row => row.out_of_rotation ?? row.cause },
    ...(mayAct() ? [{ name: '', cell: actions }] : []),
  ]} />`;
}
