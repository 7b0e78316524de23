// A conversation: all messages and events of one id, on one line of time.
import { html } from '../lib/html.js';
import { command, step } from '../lib/api.js';
import { useKeys } from '../lib/keys.js';
import { usePages } from '../lib/load.js';
import { CopyCurl, Empty, Head, Loading, State, Time } from '../lib/parts.js';
import { amend, href } from '../lib/route.js';
import { More } from './event-search.js';

/** @param {{ query: URLSearchParams }} props */
export function Conversation({ query }) {
  const id = query.get('id') ?? '';
  const path = id === '' ? null : `/v1/correlations/${step(id)}`;
  const pages = usePages(path, { limit: 200, payload: 'head' }, 'items');
  useKeys({ '.': { text: 'look for more', run: pages.again } });
  const submit = event => {
    event.preventDefault();
    amend({ id: String(new FormData(event.target).get('id')).trim() });
  };
  return html`
    <form class="filters" onSubmit=${submit}>
      <div class="field grow"><label for="conversation-id">id of the conversation (<code>correlation_id</code>), or of the message or event that began it</label>
        <input id="conversation-id" name="id" key=${id} defaultValue=${id} spellcheck="false" autocomplete="off" /></div>
      <div class="actions"><button type="submit" class="primary">show</button>${path && html`<${CopyCurl} of=${command('GET', path)} />`}</div>
    </form>
    ${path === null
    ? html`<${Empty} what="All messages and events that carry one id appear here, in their order." />`
    : html`<${Loading} of=${pages}>${pages.items && html`<${Line} items=${pages.items} /><${More} pages=${pages} />`}<//>`}`;
}

/** @param {{ items: any[] }} props */
function Line({ items }) {
  if (items.length === 0) return html`<${Empty} what="Nothing carries this id, or it is kept no longer." />`;
  return html`<p class="muted"><span aria-hidden="true">▷</span> a message <span aria-hidden="true">◇</span> an event</p>
    <ol class="timeline">${items.map(item => html`<li key=${item.message?.id ?? item.event.id}>
      <${Time} at=${item.at} fine />
      <span class="shape" role="img" aria-label=${item.kind}>${item.kind === 'message' ? '▷' : '◇'}</span>
      ${item.kind === 'message' ? html`<${Message} of=${item.message} />` : html`<${Event} of=${item.event} />`}
    </li>`)}</ol>`;
}

/** @param {{ of: any }} props */
function Message({ of }) {
  return html`<div><a href=${href(['messages', of.id])}>${of.type}</a> ${of.source} → ${of.destination} <${State} of=${of.state} /> <${Head} item=${of} /></div>`;
}

/** @param {{ of: any }} props */
function Event({ of }) {
  return html`<div><a href=${href(['events', of.id])}>${of.event_type}</a> by ${of.source}${of.stream_id ? ` in ${of.stream_id} v${of.stream_version}` : ''} <${Head} item=${of} /></div>`;
}
