// What the page needs at first is named in its index, so that a browser asks for all of it at once, not file after file.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

const STATIC = new URL('../../static/', import.meta.url);
/** The frame, and what it shows first. */
const FIRST = ['app.js', 'views/overview.js'];

/** A file and all that it cannot do without. */
function needed(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(new URL(file, STATIC), 'utf8');
  for (const [, from] of text.matchAll(/^(?:import|export) [^'"]*from ?["']([^"']+)["']/gm)) needed(posix.join(posix.dirname(file), from), found);
  // What others published is in one line.
  if (file.startsWith('vendor/')) for (const [, from] of text.matchAll(/from"(\.\/[^"]+)"/g)) needed(posix.join('vendor', from), found);
  return found;
}

test('the index names what is needed at first, and nothing else', () => {
  const index = readFileSync(new URL('index.html', STATIC), 'utf8');
  const named = [...index.matchAll(/<link rel="modulepreload" href="([^"]+)">/g)].map(([, file]) => file);
  const wanted = new Set(FIRST.flatMap(file => [...needed(file)]));
  wanted.delete('app.js');
  assert.deepEqual(named.toSorted(), [...wanted].toSorted());
});
