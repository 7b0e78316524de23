// Streams: which there are, and one of them: its events, what they add up to at each version, its last snapshot.
import { html, useState } from '../lib/html.js';
import { command, step } from '../lib/api.js';
import { useAnswer, usePages } from '../lib/load.js';
import { CopyCurl, Empty, Facts, Failure, Loading, number, Time } from '../lib/parts.js';
import { Payload } from '../lib/payload.js';
import { amend, href } from '../lib/route.js';
import { Table } from '../lib/table.js';
import { EventTable, More } from './event-search.js';

/** @param {{ query: URLSearchParams }} props */
export function Streams({ query }) {
  const stream = query.get('stream');
  return stream === null ? html`<${StreamList} prefix=${query.get('prefix') ?? ''} />` : html`<${Stream} key=${stream} id=${stream} />`;
}

/** @param {{ prefix: string }} props */
function StreamList({ prefix }) {
  const pages = usePages('/v1/streams', { prefix, limit: 100 }, 'streams');
  const types = useAnswer('/v1/event-types', { limit: 200 });
  const submit = event => {
    event.preventDefault();
    amend({ prefix: String(new FormData(event.target).get('prefix')) });
  };
  return html`
    <form class="filters" onSubmit=${submit}>
      <div class="field grow"><label for="prefix">streams that begin with</label>
        <input id="prefix" name="prefix" key=${prefix} defaultValue=${prefix} placeholder="character-" spellcheck="false" autocomplete="off" /></div>
      <button type="submit" class="primary">find</button>
    </form>
    <${Loading} of=${pages}>${pages.items?.length === 0
    ? html`<${Empty} what=${prefix ? `No stream begins with ${prefix}.` : 'No event names a stream yet.'}
        command=${`curl ${new URL('v1/events', document.baseURI)} -d '{"event_type":"character.levelled","source":"game","stream_id":"character-7","payload":{"level":2}}'`} />`
    : html`<${Table} caption="streams" rows=${pages.items ?? []} id=${row => row.stream_id} columns=${[
      { name: 'stream', head: true, cell: row => html`<a href=${href(['events', 'streams'], { stream: row.stream_id })}>${row.stream_id}</a>` },
      { name: 'version', right: true, cell: row => number(row.version) },
      { name: 'events kept', right: true, cell: row => number(row.count) },
      { name: 'last event', cell: row => html`<${Time} at=${row.last_at} />` },
    ]} /><${More} pages=${pages} />`}<//>
    <${Loading} of=${types}><${Types} of=${types.value} /><//>`;
}

/** @param {{ of: any }} props */
function Types({ of }) {
  if (!of || of.event_types.length === 0) return null;
  return html`<h2>Types of events</h2><${Table} caption="types of events" rows=${of.event_types} id=${row => row.event_type} columns=${[
    { name: 'type', head: true, cell: row => html`<a href=${href(['events', 'search'], { type: row.event_type })}>${row.event_type}</a>` },
    { name: 'events kept', right: true, cell: row => (row.count >= 1000 ? '1,000 or more' : number(row.count)) },
    { name: 'last event', cell: row => html`<${Time} at=${row.last_at} />` },
    { name: '', cell: row => html`<a href=${href(['events'], { types: row.event_type })} aria-label=${`tail of ${row.event_type}`}>tail</a>` },
  ]} />${of.next_cursor && html`<p class="muted">The first ${number(of.event_types.length)} are shown; the search takes every type.</p>`}`;
}

/** @param {{ id: string }} props */
function Stream({ id }) {
  const path = `/v1/streams/${step(id)}`;
  const about = useAnswer(path);
  const pages = usePages(`${path}/events`, { limit: 100, payload: 'head' }, 'events');
  return html`<section class="stack" aria-label="stream">
    <div class="title"><h2>${id}</h2><div class="actions"><a href=${href(['events', 'streams'])}>all streams</a><${CopyCurl} of=${command('GET', `${path}/events`)} /></div></div>
    <${Loading} of=${about}><${Facts} of=${about.value ? [
    ['version', number(about.value.version)],
    ['events kept', number(about.value.count)],
    ['first', html`<${Time} at=${about.value.first_at} />`],
    ['last', html`<${Time} at=${about.value.last_at} />`],
  ] : []} /><//>
    <${Loading} of=${pages}>${pages.items && html`<${EventTable} events=${pages.items} caption=${`events of ${id}, oldest first`} /><${More} pages=${pages} />`}<//>
    ${about.value && html`<${FoldedState} path=${path} id=${id} newest=${about.value.version} />`}
    <${Snapshot} path=${path} id=${id} />
  </section>`;
}

/** What the events add up to. @param {{ path: string, id: string, newest: number }} props */
function FoldedState({ path, id, newest }) {
  const [version, setVersion] = useState('');
  const state = useAnswer(`${path}/state`, { at_version: version }, { keep: ['state'] });
  const submit = event => {
    event.preventDefault();
    setVersion(String(new FormData(event.target).get('version')).trim());
  };
  return html`<section class="stack" aria-label="state">
    <div class="line-up"><h2>State</h2>
      <form class="line-up" onSubmit=${submit}><label for="version">at version</label>
        <input id="version" name="version" size="8" inputmode="numeric" placeholder=${String(newest)} autocomplete="off" />
        <button type="submit">show</button></form></div>
    ${state.error ? html`<${Failure} error=${state.error} again=${state.again} />`
    : html`<${Loading} of=${state}><${Payload} text=${state.value?.state} name=${`${id}.state`} label=${`state at version ${state.value?.version}`} /><//>`}
  </section>`;
}

/** Asked for only when it is wanted: most streams have none. @param {{ path: string, id: string }} props */
function Snapshot({ path, id }) {
  const [wanted, setWanted] = useState(false);
  return html`<details onToggle=${event => event.target.open && setWanted(true)}><summary>last snapshot</summary>
    ${wanted && html`<${LastSnapshot} path=${path} id=${id} />`}</details>`;
}

/** @param {{ path: string, id: string }} props */
function LastSnapshot({ path, id }) {
  const snapshot = useAnswer(`${path}/snapshots/latest`, {}, { keep: ['state'] });
  if (snapshot.error?.status === 404) return html`<p class="muted">None was taken yet.</p>`;
  return html`<${Loading} of=${snapshot}>${snapshot.value && html`<p class="muted">version ${number(snapshot.value.version)}, taken at <${Time} at=${snapshot.value.taken_at} /></p>
    <${Payload} text=${snapshot.value.state} name=${`${id}.snapshot`} label="snapshot" />`}<//>`;
}
