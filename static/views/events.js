// Events: as they come, found again, by stream, by conversation.
import { html } from '../lib/html.js';
import { Tabs } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { Conversation } from './conversation.js';
import { EventPage } from './event.js';
import { EventSearch } from './event-search.js';
import { Streams } from './streams.js';
import { LiveTail } from './tail.js';

const TABS = [['Tail', ''], ['Search', 'search'], ['Streams', 'streams'], ['Conversation', 'conversation']];
const SHOWN = { '': LiveTail, search: EventSearch, streams: Streams, conversation: Conversation };

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const tab = route.steps[1] ?? '';
  const Shown = SHOWN[tab];
  return html`
    <div class="title"><h1>Events</h1></div>
    <${Tabs} label="events" of=${TABS.map(([name, step]) => ({ name, to: href(step === '' ? ['events'] : ['events', step]), here: step === tab }))} />
    ${Shown ? html`<${Shown} query=${route.query} />` : html`<${EventPage} id=${tab} />`}`;
}
