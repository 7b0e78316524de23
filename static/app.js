// The frame of all views: who looks, where one is, whether it is still true.
import { html, render, useEffect, useErrorBoundary, useState } from './lib/html.js';
import { announced } from './lib/announce.js';
import { ask, get, session } from './lib/api.js';
import { Failure, Time } from './lib/parts.js';
import { href, useRoute } from './lib/route.js';
import { Header } from './views/header.js';
import { SignIn } from './views/sign-in.js';
import { connect, connection, disconnect } from './lib/socket.js';
import { useStore } from './lib/store.js';
import { setClock } from './lib/time.js';

/** A view's module is loaded when it is first shown. @type {Record<string, () => Promise<{ View: any }>>} */
const VIEWS = {
  '': () => import('./views/overview.js'),
  services: () => import('./views/services.js'),
  messages: () => import('./views/messages.js'),
  dead: () => import('./views/dead.js'),
  events: () => import('./views/events.js'),
  subscriptions: () => import('./views/subscriptions.js'),
  hub: () => import('./views/hub.js'),
};

/** @param {{ name: string }} props */
function Shown({ name }) {
  const route = useRoute();
  const [loaded, setLoaded] = useState(/** @type {any} */ ({}));
  const [fault, forget] = useErrorBoundary();
  useEffect(() => {
    if (!(name in VIEWS)) return setLoaded({ name, missing: true });
    VIEWS[name]().then(module => setLoaded({ name, View: module.View }), error => setLoaded({ name, error }));
    return undefined;
  }, [name]);
  useEffect(() => forget(), [route]);
  useEffect(() => {
    document.title = `${route.steps.join(' · ') || 'overview'} – Message Hub`;
  }, [route]);
  if (fault) return html`<h1>This view does not work</h1><${Failure} error=${fault} again=${forget} />`;
  if (loaded.name !== name) return null;
  if (loaded.missing) return html`<h1>There is no such view</h1><p>Its address is <code>${location.hash}</code>. <a href=${href([])}>To the overview</a></p>`;
  if (loaded.error) return html`<h1>This view was not loaded</h1><${Failure} error=${loaded.error} again=${() => location.reload()} />`;
  return html`<${loaded.View} route=${route} />`;
}

/** What is shown may be old: nobody should act on numbers that only look alive. */
function Stale() {
  const { live, heard, everLive } = useStore(connection, value => value);
  if (live || !everLive) return null;
  return html`<p class="stale-notice" role="status">The hub is not heard; it is tried again. What is shown is as of <${Time} at=${new Date(heard).toISOString()} />.</p>`;
}

function App() {
  const who = useStore(session, value => value);
  const stale = useStore(connection, ({ live, everLive }) => everLive && !live);
  const sentence = useStore(announced, text => text);
  const route = useRoute();
  useEffect(() => {
    if (!who) return undefined;
    connect();
    return disconnect;
  }, [who?.name, who?.role]);
  if (who === undefined) return html`<main aria-busy="true"></main>`;
  if (who === null) return html`<${SignIn} done=${identify} />`;
  return html`
    <a class="skip" href="#main" onClick=${event => { event.preventDefault(); document.getElementById('main')?.focus(); }}>to the content</a>
    <${Header} route=${route} who=${who} signOut=${signOut} />
    <${Stale} />
    <main id="main" tabindex="-1" class=${stale ? 'stale' : ''}><${Shown} name=${route.steps[0] ?? ''} /></main>
    <div class="hidden" role="status" aria-live="polite">${sentence}</div>`;
}

async function signOut() {
  await ask('DELETE', '/v1/session').catch(() => undefined);
  disconnect();
  session.set(null);
}

/** Asks who looks, again and again until the hub answers. */
async function identify() {
  try {
    const who = await get('/v1/session');
    setClock(who.now);
    session.set(who);
  } catch (error) {
    if (error.status === 401) session.set(null);
    else setTimeout(identify, 1000);
  }
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('page')));
identify();
