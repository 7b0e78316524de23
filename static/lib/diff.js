// Which lines of a text were taken out, and which were put in.
import { html } from './html.js';
import { indented } from './payload.js';
import { visible } from './visible.js';

/** @typedef {{ kind: 'same' | 'out' | 'in', text: string }} DiffLine */

/** More differing lines on a side than this are all taken out and put in: finding what they share would hold the page up. */
const COMPARED = 2000;
/** Lines around a change that say where it is. */
const AROUND = 3;

/**
 * @param {string[]} before @param {string[]} after
 * @returns {DiffLine[]} a shortest way from one to the other
 */
export function diffLines(before, after) {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const same = texts => texts.map(text => ({ kind: /** @type {const} */ ('same'), text }));
  return [
    ...same(before.slice(0, head)),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ];
}

/** @param {string[]} before @param {string[]} after @returns {DiffLine[]} */
function middle(before, after) {
  if (before.length > COMPARED || after.length > COMPARED) return [...all('out', before), ...all('in', after)];
  const width = after.length + 1;
  // How many lines the rests of both have in common, from each pair of places on.
  const common = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = before[i] === after[j]
        ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  /** @type {DiffLine[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      lines.push({ kind: 'same', text: before[i] });
      [i, j] = [i + 1, j + 1];
    } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) {
      lines.push({ kind: 'out', text: before[i] });
      i += 1;
    } else {
      lines.push({ kind: 'in', text: after[j] });
      j += 1;
    }
  }
  return [...lines, ...all('out', before.slice(i)), ...all('in', after.slice(j))];
}

/** @param {'out' | 'in'} kind @param {string[]} texts @returns {DiffLine[]} */
const all = (kind, texts) => texts.map(text => ({ kind, text }));

/** @param {string} json @returns {string} a value a line, so that spaces are no difference; as it is if it is no JSON */
export const inLines = json => indented(json)?.map(part => part.text).join('') ?? json;

/** What is left out between changes, as a number of lines. @param {DiffLine[]} lines @returns {(DiffLine | number)[]} */
export function shortened(lines) {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, at) => {
    if (line.kind !== 'same') near.fill(1, Math.max(0, at - AROUND), at + AROUND + 1);
  });
  /** @type {(DiffLine | number)[]} */
  const kept = [];
  lines.forEach((line, at) => {
    const last = kept.at(-1);
    if (near[at]) kept.push(line);
    else if (typeof last === 'number') kept[kept.length - 1] = last + 1;
    else kept.push(1);
  });
  return kept;
}

const MARKS = { same: ' ', out: '−', in: '+' };
const WORDS = { same: '', out: 'taken out: ', in: 'put in: ' };

/** @param {{ before: string, after: string, label: string }} props two texts of JSON */
export function Diff({ before, after, label }) {
  const lines = diffLines(inLines(before).split('\n'), inLines(after).split('\n'));
  if (lines.every(line => line.kind === 'same')) return html`<p class="muted" role="status">${before === after ? 'Nothing is changed.' : 'Only spaces between values are changed.'}</p>`;
  return html`<pre class="payload diff" tabindex="0" aria-label=${label}><code>${shortened(lines).map((line, i) => (typeof line === 'number'
    ? html`<span key=${i} class="left-out">${line === 1 ? '1 line' : `${line} lines`} as before</span>`
    : html`<span key=${i} class=${line.kind}><span aria-hidden="true">${MARKS[line.kind]} </span><span class="hidden">${WORDS[line.kind]}</span>${visible(line.text)}</span>`))}</code></pre>`;
}
