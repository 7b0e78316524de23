// Payloads stay the text they are, through all that the page does with them.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { diffLines, inLines, shortened } from '../../static/lib/diff.js';
import { parse } from '../../static/lib/json.js';
import { linesOf } from '../../static/lib/lines.js';
import { decoded } from '../../static/lib/stored.js';
import { steps } from '../../static/lib/timeline.js';
import { reprocessBody } from '../../static/views/letter-editor.js';

const HARD = '{"n":12345678901234567890,"huge":1e400,"twice":1,"twice":2,"q":"a \\"payload\\": {","deep":[[],{},[1.50]]}';
const withoutSpace = text => text.replaceAll(/\n\s*|: /g, match => (match === ': ' ? ':' : ''));

test('the payload of an answer is the text it was stored as', () => {
  const answer = parse(`{"messages":[{"id":"1","payload": ${HARD} ,"headers":{"payload":"mine"}},{"payload":null}],"count":2}`);
  assert.equal(answer.messages[0].payload, HARD);
  assert.deepEqual(answer.messages[0].headers, { payload: 'mine' });
  assert.equal(answer.messages[1].payload, null);
  assert.equal(answer.count, 2);
});

test('a list is saved as the hub answered it, a line for each', () => {
  const [first, second] = [`{"id":"1","payload":${HARD}}`, '{"id":"2","payload":{\n  "q": "a\\nb, ]}"\r\n}}'];
  const answer = `{"count":2,"messages":[${first}, ${second}],"searched":{"rows":2},"next_cursor":"more"}`;
  const { lines, cursor } = linesOf(answer, 'messages');
  assert.deepEqual(lines, [first, second.replaceAll(/[\r\n]/g, ' ')]);
  assert.equal(cursor, 'more');
  assert.deepEqual(linesOf('{"messages":[],"next_cursor":null}', 'messages'), { lines: [], cursor: null });
});

test('a text in lines has the same tokens', () => {
  const lines = inLines(HARD);
  assert.equal(inLines(lines), lines);
  assert.equal(withoutSpace(lines), withoutSpace(HARD));
  assert.ok(lines.split('\n').length > 8);
});

test('what is sent again has what was changed, as it was written, and nothing else', () => {
  assert.equal(reprocessBody({ payload: null, destination: null }), undefined);
  assert.equal(reprocessBody({ payload: HARD, destination: null }), `{"payload":${HARD}}`);
  assert.equal(reprocessBody({ payload: 'null', destination: 'a"b' }), '{"destination":"a\\"b","payload":null}');
});

test('lines that differ are found, and those far from them left out', () => {
  const before = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const after = [...before.slice(0, 10), 'new', ...before.slice(11)];
  const lines = diffLines(before, after);
  assert.deepEqual(lines.filter(line => line.kind !== 'same'), [{ kind: 'out', text: 'line 10' }, { kind: 'in', text: 'new' }]);
  assert.deepEqual(lines.filter(line => line.kind !== 'in').map(line => line.text), before);
  assert.deepEqual(lines.filter(line => line.kind !== 'out').map(line => line.text), after);
  const kept = shortened(lines);
  assert.deepEqual([kept[0], kept.at(-1), kept.length], [7, 6, 10]);
  assert.deepEqual(diffLines(['a', 'b', 'c'], ['b', 'c', 'd']).map(line => `${line.kind} ${line.text}`), ['out a', 'same b', 'same c', 'in d']);
  const long = Array.from({ length: 5000 }, (_, i) => String(i));
  assert.equal(diffLines(long, long.toReversed()).length, 10_000);
});

test('bytes are a text or none', () => {
  assert.deepEqual(decoded('cGxhaW4='), { text: 'plain', size: 5 });
  assert.deepEqual(decoded('////'), { text: null, size: 3 });
});

test('a timeline says each attempt, what was waited for between them, and the end', () => {
  const attempt = (number, at, more) => ({ number, at, outcome: 'failed', duration_ms: 1000, ...more });
  const message = {
    accepted_at: '2026-01-01T00:00:00Z', settled_at: '2026-01-01T00:00:09Z', state: 'delivered', redriven: 0, waiting: null,
    attempts: [attempt(1, '2026-01-01T00:00:00Z'), attempt(2, '2026-01-01T00:00:06Z', { outcome: 'delivered', status_code: 200 })],
  };
  assert.deepEqual(steps(message).map(step => step.key), ['begin', 'attempt 0', 'wait 1', 'attempt 1', 'end']);
  const again = { ...message, redriven: 1, accepted_at: '2026-01-01T00:00:05Z' };
  assert.deepEqual(steps(again).map(step => step.key), ['attempt 0', 'begin', 'wait 1', 'attempt 1', 'end']);
  const open = { ...message, settled_at: null, state: 'parked', waiting: { code: 'circuit_open', since: '2026-01-01T00:00:08Z', until: null, ahead: 3, subject: 'printer' } };
  assert.equal(steps(open).at(-1).key, 'now');
});
