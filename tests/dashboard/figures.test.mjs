// How what comes each second continues the figures of the last hour.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { continued, figuresOf } from '../../static/lib/figures.js';

const FROM = '2026-12-01T04:00:00.000Z';
const at = seconds => new Date(Date.parse(FROM) + seconds * 1000).toISOString();
const figures = () => figuresOf({ step: 10, from: FROM, series: { accepted: [null, 4], dead_letters: [1, 2] } });
const seconds = ({ times }) => times.map(time => time - Date.parse(FROM) / 1000);

test('what falls into the last step becomes a part of it: rates are averaged, of the rest the last holds', () => {
  const one = continued(figures(), at(15), { accepted: 10, dead_letters: 5 });
  const two = continued(one, at(16), { accepted: 1, dead_letters: 3 });
  assert.deepEqual(seconds(two), [0, 10]);
  assert.deepEqual(two.series, { accepted: [null, 5], dead_letters: [1, 3] });
});

test('a step of its own begins where the last one ends', () => {
  const next = continued(figures(), at(20), { accepted: 7, dead_letters: 2 });
  assert.deepEqual(seconds(next), [0, 10, 20]);
  assert.deepEqual(next.series.accepted, [null, 4, 7]);
  assert.deepEqual(continued(next, at(21), { accepted: 9, dead_letters: 2 }).series.accepted, [null, 4, 8]);
});

test('a rate that nobody knows changes none that is known', () => {
  assert.deepEqual(continued(figures(), at(11), { accepted: null, dead_letters: null }).series.accepted, [null, 4]);
});

test('what was heard already is not heard twice', () => {
  const held = figures();
  assert.deepEqual(continued(held, at(10), { accepted: 100, dead_letters: 100 }), held);
});

test('after a day no more is held than of an hour', () => {
  let held = figures();
  for (let second = 20; second < 86_400; second += 10) held = continued(held, at(second), { accepted: 1, dead_letters: 0 });
  assert.equal(held.times.length, 360);
  assert.equal(held.series.accepted.length, 360);
  assert.equal(seconds(held).at(-1), 86_390);
});

test('when nothing was heard for hours nothing of before is left', () => {
  assert.deepEqual(seconds(continued(figures(), at(10_000), { accepted: 1, dead_letters: 0 })), [10_000]);
});
