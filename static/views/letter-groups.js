// Dead letters by destination, reason and error: an outage is one row.
import { html, useEffect } from '../lib/html.js';
import { command, mayAct, withQuery } from '../lib/api.js';
import { asked, FilterForm } from '../lib/filters.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, curlKey, Empty, Loading, number, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { onOwnEvent } from '../lib/socket.js';
import { Table } from '../lib/table.js';
import { inWords, LETTER_FILTERS } from './letter-filters.js';
import { redrive, remove } from './letter-jobs.js';
import { useFresh } from './fresh.js';

const BY = 'destination,reason,error';
const key = group => JSON.stringify([group.destination, group.reason, group.error]);

/** @param {{ query: URLSearchParams }} props */
export function LetterGroups({ query }) {
  const wanted = asked(LETTER_FILTERS, query);
  const answer = useAnswer('/v1/dlq/groups', { by: BY, ...wanted });
  const fresh = useFresh(answer.at);
  useEffect(() => onOwnEvent(type => type === 'message.dead_lettered' && fresh.one()), [fresh.one]);
  const groups = answer.value?.groups ?? [];
  const meant = group => {
    const filter = { ...wanted, destination: group.destination, reason: group.reason, error: group.error };
    return { filter, text: inWords(filter) };
  };
  const redriveFocused = () => {
    const row = /** @type {HTMLElement | null} */ (document.activeElement?.closest('tr[data-row]'));
    const group = groups.find(one => key(one) === row?.dataset.row) ?? (groups.length === 1 ? groups[0] : undefined);
    redrive(group ? meant(group) : { filter: wanted, text: inWords(wanted) });
  };
  const request = command('GET', withQuery('/v1/dlq/groups', { by: BY, ...wanted }));
  useKeys({
    '.': { text: 'look again', run: answer.again }, ...curlKey(request),
    ...(mayAct() && groups.length > 0 ? { r: { text: 'redrive the group of the row, or all that match', run: redriveFocused } } : {}),
  });
  return html`
    <${FilterForm} filters=${LETTER_FILTERS} query=${query} steps=${['dead']}><${CopyCurl} of=${request} />
      <button type="button" onClick=${answer.again}>${fresh.count > 0 ? `${number(fresh.count)} new` : 'look again'} <kbd aria-hidden="true">.</kbd></button><//>
    <${Loading} of=${answer}>${groups.length === 0
    ? html`<${Empty} what=${Object.keys(wanted).length > 0 ? 'No dead letter matches all of this.' : 'Nothing is dead: what the hub gives up on appears here, by why.'} />`
    : html`<${GroupTable} groups=${groups} query=${query} meant=${meant} />
      <p class="muted">${number(groups.length)} ${groups.length === 1 ? 'group' : 'groups'}${answer.value?.complete === false ? '; the newest letters only, there are more than were counted' : ''}. Digits and ids in an error are <code>#</code>.</p>`}<//>`;
}

/** @param {{ groups: any[], query: URLSearchParams, meant: (group: any) => import('./letter-jobs.js').Meant }} props */
function GroupTable({ groups, query, meant }) {
  const to = group => href(['dead', 'letters'], { ...Object.fromEntries(query), to: group.destination, reason: group.reason, error: group.error });
  const what = group => `${group.destination}, ${group.reason}`;
  return html`<${Table} caption="groups of dead letters, the largest first" rows=${groups} id=${key} columns=${[
    { name: 'to', head: true, cell: group => html`<a class="cut" href=${to(group)}>${group.destination}</a>` },
    { name: 'reason', cell: group => group.reason },
    { name: 'count', right: true, cell: group => number(group.count) },
    { name: 'oldest', cell: group => html`<${Time} at=${group.oldest} />` },
    { name: 'newest', cell: group => html`<${Time} at=${group.newest} />` },
    { name: 'error', wide: true, cell: group => html`<span title=${group.error}>${group.error}</span>` },
    { name: 'sample', cell: group => html`<a href=${href(['dead', group.sample])} aria-label=${`one letter of ${what(group)}`}>one</a>` },
    ...(mayAct() ? [{ name: 'do', cell: group => html`<button type="button" class="quiet" onClick=${() => redrive(meant(group))} aria-label=${`redrive ${what(group)}`}>redrive…</button>
      <button type="button" class="quiet" onClick=${() => remove(meant(group))} aria-label=${`delete ${what(group)}`}>delete…</button>` }] : []),
  ]} />`;
}
