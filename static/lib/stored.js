// A payload as an answer of the hub brings it: JSON, or bytes of whatever kind.
import { html, useMemo } from './html.js';
import { bytes, Copy } from './parts.js';
import { Payload } from './payload.js';

/** @param {string} base64 @returns {{ text: string | null, size: number }} the text, if the bytes are one */
export function decoded(base64) {
  const raw = Uint8Array.from(atob(base64), character => character.charCodeAt(0));
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw), size: raw.length };
  } catch {
    return { text: null, size: raw.length };
  }
}

/** @param {{ item: any, path: string }} props an answer with its whole payload; `path`: where its payload is alone */
export function Stored({ item, path }) {
  const { id, payload, payload_base64: base64, content_type: type } = item;
  // The same node again: a payload of megabytes is not drawn anew when what stands around it changes.
  return useMemo(() => {
    if (payload !== null && payload !== undefined) return html`<${Payload} text=${payload} name=${id} />`;
    if (base64 === undefined) return html`<p class="muted">It has no payload.</p>`;
    const { text, size } = decoded(base64);
    const file = html`<a href=${new URL(`${path}/payload`.replace(/^\//, ''), document.baseURI).href} download=${id}>save the bytes</a>`;
    if (text !== null) return html`<p class="muted">It was sent as bytes${type ? html` of type <code>${type}</code>` : ''}, which are a text; ${file}.</p><${Payload} text=${text} name=${id} json=${false} />`;
    return html`<section class="stack" aria-label="payload"><h3>payload <span class="muted">${bytes(size)}</span></h3>
      <p>Bytes${type ? html` of type <code>${type}</code>` : ''} that are no text: ${file}, or <${Copy} text=${base64} label="copy them as base64" /></p></section>`;
  }, [id, payload, base64, type, path]);
}
