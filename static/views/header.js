// Where one is and may go, the field that finds, the switches of theme, times and keys.
import { html, render, useEffect, useRef } from '../lib/html.js';
import { find } from '../lib/find.js';
import { heldKeys, keysWanted, useKeys } from '../lib/keys.js';
import { go, href } from '../lib/route.js';
import { connection } from '../lib/socket.js';
import { createChoice, useStore } from '../lib/store.js';
import { timeMode } from '../lib/time.js';

const PLACES = [
  ['overview', '', 'o'], ['services', 'services', 's'], ['messages', 'messages', 'm'], ['dead letters', 'dead', 'd'],
  ['events', 'events', 'e'], ['subscriptions', 'subscriptions', 'u'], ['hub', 'hub', 'h'],
];
const theme = createChoice('theme', ['auto', 'light', 'dark']);

function useTheme() {
  const chosen = useStore(theme, value => value);
  useEffect(() => {
    document.documentElement.dataset.theme = chosen;
  }, [chosen]);
  return chosen;
}

/** @param {{ route: import('../lib/route.js').Route, who: import('../lib/api.js').Session, signOut: () => void }} props */
export function Header({ route, who, signOut }) {
  const field = useRef(/** @type {any} */ (null));
  const times = useStore(timeMode, value => value);
  const live = useStore(connection, value => value.live);
  const chosen = useTheme();
  useKeys({
    '/': { text: 'find', run: () => field.current.focus() },
    '?': { text: 'help', run: openHelp },
    t: { text: 'other theme', run: theme.next },
    u: { text: 'other times', run: timeMode.next },
    ...Object.fromEntries(PLACES.map(([name, step, key]) => [`g ${key}`, { text: name, run: () => go(href(step === '' ? [] : [step])) }])),
  });
  const search = event => {
    event.preventDefault();
    find(field.current.value.trim());
  };
  return html`<header>
    <a class="brand" href=${href([])}><span class=${live ? 'pulse ok' : 'pulse muted'} title=${live ? 'live' : 'the hub is not heard'} aria-hidden="true">●</span> Message Hub</a>
    <nav aria-label="views">${PLACES.map(([name, step]) => html`<a key=${name} href=${href(step === '' ? [] : [step])}
      aria-current=${(route.steps[0] ?? '') === step ? 'page' : undefined}>${name}</a>`)}</nav>
    <form role="search" onSubmit=${search}><input ref=${field} type="search" placeholder="find  /" aria-label="find: an id, the name of a service, a type of events" spellcheck="false" /></form>
    <div class="switches">
      <button type="button" class="quiet" onClick=${timeMode.next} aria-label=${`times are ${times}; another`}>${times}</button>
      <button type="button" class="quiet" onClick=${theme.next} aria-label=${`theme is ${chosen}; another`}>${{ auto: '◐', light: '○', dark: '●' }[chosen]}</button>
      <button type="button" class="quiet" onClick=${openHelp} aria-label="help">?</button>
      ${who.name && html`<span class="who" title=${who.role}>${who.name} <span class="muted">${who.role}</span></span>`}
      ${who.keys_required && html`<button type="button" class="quiet" onClick=${signOut}>sign out</button>`}
    </div>
  </header>`;
}

/** The keys that hold where one is. */
function openHelp() {
  const place = document.createElement('div');
  document.body.append(place);
  const close = () => {
    render(null, place);
    place.remove();
  };
  render(html`<${Help} close=${close} />`, place);
}

/** @param {{ close: () => void }} props */
function Help({ close }) {
  const element = useRef(/** @type {any} */ (null));
  const wanted = useStore(keysWanted, value => value);
  useEffect(() => element.current.showModal(), []);
  return html`<dialog ref=${element} onClose=${close} aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl class="keys">${heldKeys().map(({ key, text }) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}
      <div><dt><kbd>Enter</kbd></dt><dd>open the row</dd></div><div><dt><kbd>Esc</kbd></dt><dd>close</dd></div></dl>
    <label class="line"><input type="checkbox" checked=${wanted === 'on'} onChange=${keysWanted.next} /> single keys</label>
    <p>Routes and frames: <a href="docs/">/docs</a>, <a href="openapi.json">/openapi.json</a>, <a href="asyncapi.json">/asyncapi.json</a></p>
    <div class="buttons"><button type="button" class="primary" onClick=${() => element.current.close()}>close</button></div>
  </dialog>`;
}
