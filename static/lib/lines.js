// Whole lists as lines of JSON (NDJSON), each as the hub answered it: nothing is parsed and printed again.
import { askText, withQuery } from './api.js';
import { members } from './json.js';

/** Rows of an answer: few enough that large payloads do not make it huge. */
const PAGE = 200;
/** Where a file ends, in lines and bytes: more is for a program, not for a page that has to hold it. */
const MOST_LINES = 100_000;
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * The rows of an answer in a line each, and where the next page begins.
 * @param {string} text the answer @param {string} list its member that has the rows
 */
export function linesOf(text, list) {
  const found = new Map(members(text).map(({ name, value }) => [name, value]));
  // A payload may have been sent in several lines: outside of strings a space is as good, and in strings there is no line's end.
  const lines = members(found.get(list) ?? '[]').map(({ value }) => value.replaceAll(/[\r\n]/g, ' '));
  return { lines, cursor: JSON.parse(found.get('next_cursor') ?? 'null') };
}

/**
 * Reads a list to its end, or as far as a file may go.
 * @param {string} path @param {Record<string, any>} query @param {string} list
 * @param {{ signal: AbortSignal, heard: (count: number) => void }} options `heard`: so many lines are there now
 */
export async function readAll(path, query, list, { signal, heard }) {
  /** @type {Blob[]} */
  const parts = [];
  let [count, size] = [0, 0];
  let cursor = null;
  do {
    const { lines, cursor: next } = linesOf(await askText('GET', withQuery(path, { ...query, limit: PAGE, cursor }), { signal }), list);
    const part = new Blob(lines.map(line => `${line}\n`));
    parts.push(part);
    count += lines.length;
    size += part.size;
    cursor = next;
    heard(count);
  } while (cursor !== null && count < MOST_LINES && size < MOST_BYTES);
  return { content: new Blob(parts), count, complete: cursor === null };
}
