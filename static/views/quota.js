// How much a service may send and is sent: set and dropped.
import { command, session, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useAnswer } from '../lib/load.js';

const QUOTA = [
  ['send_rate', 'messages it may send a second'], ['send_burst', 'and at once'], ['deliver_rate', 'messages it is sent a second'], ['max_in_flight', 'under way to it at once'],
  ['max_waiting_bytes', 'bytes that may wait for it'], ['request_rate', 'requests a second'], ['request_burst', 'and at once'],
];

/** What a quota limits, in words. @param {any} quota */
export const limited = quota => QUOTA.filter(([name]) => quota[name] !== null && !name.endsWith('_burst')).map(([name, label]) => `${quota[name].toLocaleString('en-US')} ${label}`);

/** The quota of a service, if it has one: looked for among all, as one that is not there would be a failed request. @param {string} service */
export function useQuota(service) {
  const isShown = session.get()?.role !== 'service';
  const all = useAnswer(isShown ? '/v1/quotas' : null, { limit: 200 });
  const found = all.value?.items.find(quota => quota.service === service);
  const one = useAnswer(all.value?.next_cursor && !found ? `/v1/quotas/${step(service)}` : null);
  return { quota: found ?? one.value ?? null, again: () => [all, one].forEach(answer => answer.again()) };
}

/** @param {string | null} service null: it is asked for @param {any} quota as it is; null: there is none @param {() => void} done */
export function editQuota(service, quota, done) {
  const given = values => Object.fromEntries(QUOTA.filter(([name]) => values[name] !== '').map(([name]) => [name, Number(values[name])]));
  openDialog({
    title: service === null ? 'A quota' : `Quota of ${service}`, verb: 'set', text: 'What is left empty is not limited.', done,
    fields: [
      ...(service === null ? [{ name: 'service', label: 'service' }] : []),
      ...QUOTA.map(([name, label]) => ({ name, label, inputmode: 'decimal', value: quota === null || quota[name] === null ? '' : String(quota[name]) })),
    ],
    request: values => command('PUT', `/v1/quotas/${step(service ?? values.service)}`, given(values)),
  });
}

/** @param {string} service @param {() => void} done */
export function dropQuota(service, done) {
  openDialog({
    title: `Drop the quota of ${service}`, verb: 'drop', danger: true, done, text: 'What the configuration says of it holds again, or nothing.',
    request: () => command('DELETE', `/v1/quotas/${step(service)}`),
  });
}
