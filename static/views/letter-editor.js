// Mends a dead letter: its payload as a text, what differs from the stored one, and the request that sends it.
import { html, useEffect, useMemo, useRef, useState } from '../lib/html.js';
import { openDialog } from '../lib/dialog.js';
import { Diff, inLines } from '../lib/diff.js';
import { fault } from '../lib/payload.js';

/** A longer one is mended in an editor of one's own, and sent by curl. */
const EDITED = 256 * 1024;

/**
 * The payload goes as it was written, and only if it is another; it is never parsed and printed again.
 * @param {{ payload: string | null, destination: string | null }} changes
 */
export function reprocessBody({ payload, destination }) {
  const members = [
    ...(destination === null ? [] : [`"destination":${JSON.stringify(destination)}`]),
    ...(payload === null ? [] : [`"payload":${payload}`]),
  ];
  return members.length === 0 ? undefined : `{${members.join(',')}}`;
}

/** @param {{ letter: any, path: string, sent: () => void }} props */
export function LetterEditor({ letter, path, sent }) {
  const stored = letter.payload;
  const field = useRef(/** @type {any} */ (null));
  useEffect(() => field.current?.focus(), []);
  const [text, setText] = useState(() => inLines(stored));
  const [destination, setDestination] = useState(letter.destination);
  const problem = useMemo(() => fault(text), [text]);
  if (stored.length > EDITED) return html`<p class="muted">It is too long to be edited here: save the payload, mend it, and send it with <code>POST ${path}/reprocess</code>.</p>`;
  const changed = inLines(text) !== inLines(stored);
  const elsewhere = destination.trim() !== letter.destination && destination.trim() !== '';
  const send = event => {
    event.preventDefault();
    openDialog({
      title: `Send it ${changed ? 'mended' : 'as it was'} to ${destination.trim() || letter.destination}`, verb: 'send',
      text: 'It leaves the list of dead letters; its attempts and its time to live start anew.',
      request: () => ({ method: 'POST', path: `${path}/reprocess`, body: reprocessBody({ payload: changed ? text : null, destination: elsewhere ? destination.trim() : null }) }),
      done: sent,
    });
  };
  const rows = Math.min(24, Math.max(4, text.split('\n').length + 1));
  return html`<section class="stack" aria-label="mend it">
    <h2>Mend it and send it again</h2>
    <form class="stack" onSubmit=${send}>
      <div class="field"><label for="letter-payload">payload</label>
        <textarea id="letter-payload" ref=${field} class="editor" rows=${rows} value=${text} spellcheck="false" autocomplete="off" aria-describedby="letter-fault" aria-invalid=${problem !== null}
          onInput=${event => setText(event.target.value)}></textarea></div>
      <p id="letter-fault" role="status" class=${problem === null ? 'ok' : 'bad'}>${problem === null ? '✓ JSON' : `✕ no JSON: ${problem}`}</p>
      <div class="line-up"><div class="field"><label for="letter-to">to</label><input id="letter-to" value=${destination} onInput=${event => setDestination(event.target.value)} spellcheck="false" autocomplete="off" /></div>
        <div class="actions"><button type="button" onClick=${() => setText(inLines(stored))}>as it was</button><button type="button" disabled=${problem !== null} onClick=${() => setText(inLines(text))}>indent</button>
          <button type="submit" class="primary" disabled=${problem !== null}>send…</button></div></div>
    </form>
    <h3>What differs from what is stored</h3>
    ${problem === null ? html`<${Diff} before=${stored} after=${text} label="what differs" />` : html`<p class="muted">The lines that differ are shown when it is JSON.</p>`}
  </section>`;
}
