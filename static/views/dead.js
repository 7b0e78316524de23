// Dead letters: what the hub gave up on, by why; each of them; the jobs that send them again or delete them.
import { html } from '../lib/html.js';
import { session } from '../lib/api.js';
import { Tabs } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { LetterGroups } from './letter-groups.js';
import { LetterList } from './letters.js';
import { LetterPage } from './letter.js';
import { Jobs } from './jobs.js';

const TABS = [['Groups', ''], ['Letters', 'letters'], ['Jobs', 'jobs']];

/** @param {{ route: import('../lib/route.js').Route }} props */
export function View({ route }) {
  const tab = route.steps[1] ?? '';
  if (!TABS.some(([, step]) => step === tab)) return html`<${LetterPage} key=${tab} id=${tab} />`;
  // Groups and jobs are about the letters of all services.
  const whole = session.get()?.role !== 'service';
  const shown = whole ? tab : 'letters';
  const tabs = TABS.filter(([, step]) => whole || step === 'letters');
  return html`
    <div class="title"><h1>Dead letters</h1></div>
    <${Tabs} label="dead letters" of=${tabs.map(([name, step]) => ({ name, to: href(step === '' ? ['dead'] : ['dead', step]), here: step === shown }))} />
    ${shown === '' ? html`<${LetterGroups} query=${route.query} />`
    : shown === 'jobs' ? html`<${Jobs} here=${route.query.get('job')} />`
    : html`<${LetterList} query=${route.query} />`}`;
}
