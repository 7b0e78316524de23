// Texts of strangers, with what cannot be seen in them.
import { html } from './html.js';

/** Characters that would turn, hide or break what is shown: they are named in their place. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** @param {string} text with characters that cannot be seen @returns {any[]} */
export function visible(text) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    out.push(text.slice(from, found.index));
    const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    out.push(html`<span class="unseen" title="a character that cannot be seen">U+${code}</span>`);
    from = found.index + 1;
  }
  out.push(text.slice(from));
  return out;
}
