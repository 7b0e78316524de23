// Dead letters one by one: messages, and events that a subscription did not get.
import { html, useEffect } from '../lib/html.js';
import { command, mayAct, withQuery } from '../lib/api.js';
import { asked, FilterForm } from '../lib/filters.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { CopyCurl, curlKey, Empty, Head, Loading, number, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { useSelection } from '../lib/selection.js';
import { onOwnEvent } from '../lib/socket.js';
import { Table } from '../lib/table.js';
import { More } from './event-search.js';
import { useFresh } from './fresh.js';
import { inWords, LETTER_FILTERS } from './letter-filters.js';
import { redrive, remove } from './letter-jobs.js';

/** @param {{ query: URLSearchParams }} props */
export function LetterList({ query }) {
  const filter = asked(LETTER_FILTERS, query);
  const pages = usePages('/v1/dlq', { ...filter, limit: 100, payload: 'head' }, 'dead_letters');
  const fresh = useFresh(pages.at);
  useEffect(() => onOwnEvent(type => type === 'message.dead_lettered' && fresh.one()), [fresh.one]);
  const items = pages.items ?? [];
  const selection = useSelection(items.map(item => item.id), query.toString());
  const chosen = items.filter(item => selection.chosen.has(item.id)).map(item => item.id);
  const meant = chosen.length > 0 ? { ids: chosen, text: `${number(chosen.length)} selected` } : { filter, text: inWords(filter) };
  const acts = mayAct() && items.length > 0;
  const request = command('GET', withQuery('/v1/dlq', filter));
  useKeys({
    '.': { text: 'look again', run: pages.again }, ...curlKey(request),
    ...(acts ? { r: { text: 'redrive what is selected, or all that match', run: () => redrive(meant) } } : {}),
  });
  return html`
    <${FilterForm} filters=${LETTER_FILTERS} query=${query} steps=${['dead', 'letters']}><${CopyCurl} of=${request} />
      <button type="button" onClick=${pages.again}>${fresh.count > 0 ? `${number(fresh.count)} new` : 'look again'} <kbd aria-hidden="true">.</kbd></button><//>
    ${acts && html`<div class="actions" role="group" aria-label="what to do with them"><span class="muted">${chosen.length > 0 ? `${number(chosen.length)} selected:` : 'all that match:'}</span>
      <button type="button" onClick=${() => redrive(meant)}>redrive… <kbd aria-hidden="true">r</kbd></button>
      <button type="button" onClick=${() => remove(meant)}>delete…</button>
      ${chosen.length > 0 && html`<button type="button" class="quiet" onClick=${selection.clear}>select none</button>`}</div>`}
    <${Loading} of=${pages}>${items.length === 0 && !pages.next
    ? html`<${Empty} what=${Object.keys(filter).length > 0 ? 'No dead letter matches all of this.' : 'Nothing is dead: what the hub gives up on appears here.'} />`
    : html`<${LetterTable} letters=${items} selection=${mayAct() ? selection : undefined} /><${More} pages=${pages} />`}<//>`;
}

/** @param {{ letters: any[], selection?: import('../lib/table.js').Selection }} props */
function LetterTable({ letters, selection }) {
  return html`<${Table} caption="dead letters, newest first" rows=${letters} id=${letter => letter.id} selection=${selection} columns=${[
    { name: 'died', head: true, cell: letter => html`<a href=${href(['dead', letter.id])}><${Time} at=${letter.settled_at} fine /></a>` },
    { name: 'to', cell: letter => html`<span class="cut">${letter.destination}</span>` },
    { name: 'from', cell: letter => html`<span class="cut">${letter.source}</span>` },
    { name: 'type', cell: letter => (letter.event_id === undefined ? html`<span class="cut">${letter.type}</span>` : html`<span class="cut">event ${letter.event_type}</span>`) },
    { name: 'reason', cell: letter => letter.reason },
    { name: 'tries', right: true, cell: letter => number(letter.attempts.length) },
    { name: 'last error', cell: letter => html`<span class="cut" title=${letter.last_error ?? ''}>${letter.last_error}</span>` },
    { name: 'payload', wide: true, cell: letter => html`<${Head} item=${letter} />` },
  ]} />`;
}
