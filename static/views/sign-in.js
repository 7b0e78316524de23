// Signing in: the key goes to the hub once and is not kept by the page.
import { html, useState } from '../lib/html.js';
import { ask } from '../lib/api.js';
import { Failure } from '../lib/parts.js';

/** @param {{ done: () => void }} props */
export function SignIn({ done }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [sending, setSending] = useState(false);
  const submit = async event => {
    event.preventDefault();
    const form = new FormData(event.target);
    setSending(true);
    setError(null);
    try {
      await ask('POST', '/v1/session', { body: JSON.stringify({ name: form.get('name'), key: form.get('key') }) });
      done();
    } catch (refused) {
      setError(refused);
    }
    setSending(false);
  };
  return html`<main class="sign-in"><form onSubmit=${submit}>
    <h1>Message Hub</h1>
    <div class="field"><label for="name">name</label><input id="name" name="name" autocomplete="username" autofocus required spellcheck="false" /></div>
    <div class="field"><label for="key">key</label><input id="key" name="key" type="password" autocomplete="current-password" required /></div>
    ${error && html`<${Failure} error=${error} />`}
    <div class="buttons"><button type="submit" class="primary" disabled=${sending}>sign in</button></div>
    <p class="muted">Names and keys stand in <code>service_keys</code> of the hub's configuration. Operators may do everything, viewers see everything.</p>
  </form></main>`;
}
