// Payloads as they are stored: text from the wire to the screen, the clipboard and a file.
import { html, useMemo, useState } from './html.js';
import { afterSpace, valueEnd } from './json.js';
import { bytes, Copy } from './parts.js';
import { save } from './save.js';
import { visible } from './visible.js';

/** Larger ones are shown plain: indenting and colouring them would hold the page up. */
const COLOURED = 256 * 1024;
/** What is drawn at once of one that is larger than anybody reads. */
const DRAWN = 256 * 1024;
const size = text => new TextEncoder().encode(text).length;

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gy;

/** The tokens of JSON, each as it is written. @param {string} text @returns {string[] | null} null: it is none */
function tokens(text) {
  const found = [];
  let at = afterSpace(text, 0);
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    if (!token) return null;
    found.push(token[0]);
    at = afterSpace(text, TOKEN.lastIndex);
  }
  return found;
}

/** @param {string} token @param {string | undefined} next @returns {string} what it is, as the name of a colour */
function kind(token, next) {
  if (token.startsWith('"')) return next === ':' ? 'name' : 'string';
  return /^[-\d]/.test(token) ? 'number' : 'word';
}

/**
 * Lines and indents for JSON; every token stays as it is.
 * @param {string} text
 * @returns {{ text: string, kind?: string }[] | null}
 */
export function indented(text) {
  const all = tokens(text);
  if (all === null) return null;
  const out = [];
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  all.forEach((token, i) => {
    const next = all[i + 1];
    if (token === '{' || token === '[') {
      depth += 1;
      const empty = next === '}' || next === ']';
      out.push({ text: empty ? token : token + line() });
    } else if (token === '}' || token === ']') {
      depth -= 1;
      const empty = all[i - 1] === '{' || all[i - 1] === '[';
      out.push({ text: empty ? token : line() + token });
    } else if (token === ',') out.push({ text: `,${line()}` });
    else if (token === ':') out.push({ text: ': ' });
    else out.push({ text: token, kind: kind(token, next) });
  });
  return out;
}

/** @param {string} text @param {string} sought @returns {any[]} with what is sought marked */
function marked(text, sought) {
  if (sought === '') return visible(text);
  const parts = text.split(sought);
  return parts.flatMap((part, i) => (i === 0 ? visible(part) : [html`<mark>${sought}</mark>`, ...visible(part)]));
}

/** @param {{ text: string | null | undefined, name: string, label?: string, json?: boolean }} props `name`: of the file it is saved as */
export function Payload({ text, name, label = 'payload', json = true }) {
  const [raw, setRaw] = useState(false);
  const [sought, setSought] = useState('');
  const pretty = useMemo(() => (json && text && text.length <= COLOURED ? indented(text) : null), [text, json]);
  if (text === null || text === undefined) return html`<p class="muted">It has no ${label} that is JSON.</p>`;
  const plain = raw || pretty === null;
  const whole = plain ? text.slice(0, DRAWN) : pretty.map(part => part.text).join('');
  const times = sought === '' ? 0 : whole.split(sought).length - 1;
  return html`<section class="stack" aria-label=${label}>
    <div class="line-up">
      <h3>${label} <span class="muted">${bytes(size(text))}</span></h3>
      <div class="actions">
        <button type="button" aria-pressed=${!plain} disabled=${pretty === null} onClick=${() => setRaw(false)}>pretty</button>
        <button type="button" aria-pressed=${plain} onClick=${() => setRaw(true)}>raw</button>
        <input type="search" aria-label=${`find in the ${label}`} placeholder="find" value=${sought} onInput=${event => setSought(event.target.value)} />
        ${sought !== '' && html`<span class="muted" role="status">${times} found</span>`}
        <${Copy} text=${text} /><button type="button" class="quiet" onClick=${() => save(text, json ? `${name}.json` : `${name}.txt`)}>save</button>
      </div>
    </div>
    <pre class="payload" tabindex="0" aria-label=${label}><code>${plain
    ? marked(whole, sought)
    : pretty.map((part, i) => (part.kind || sought !== '' ? html`<span key=${i} class=${part.kind}>${marked(part.text, sought)}</span>` : part.text))}</code></pre>
    ${plain && text.length > DRAWN && html`<p class="muted">The first ${bytes(DRAWN)} are shown; copy and save take all of it.</p>`}
  </section>`;
}

/** Whether a text is one JSON value, and where it stops to be. @param {string} text @returns {string | null} what is wrong */
export function fault(text) {
  try {
    JSON.parse(text);
    return afterSpace(text, valueEnd(text, afterSpace(text, 0))) === text.length ? null : 'more follows behind it';
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}
