// A hub with 10,000 services and 1,000,000 waiting messages: every view is there within a second, and a tab costs the hub
// next to nothing. Takes minutes and a release build: only with LONG=1.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { go, launch, open, settled } from './browser.mjs';
import { TestHub } from './hub.mjs';

const SERVICES = 10_000;
const MESSAGES = 1_000_000;
const TABS = 5;
/** Seconds over which the processor's time is taken. */
const MEASURED = 20;
const VIEWS = ['/services', '/services?sort=queued', '/services/service-77', '/messages', '/messages?state=parked', '/dead', '/events', '/events/search', '/subscriptions', '/hub', '/'];

/** Seconds of processor time of a process so far. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function fill(hub) {
  const one = async index => {
    const service = `service-${index}`;
    await hub.post('/v1/services/register', { service, instance_id: 'one' });
    const messages = Array.from({ length: MESSAGES / SERVICES }, (_, n) => ({ destination: service, type: 'label', source: 'shop', payload: { n } }));
    await hub.post('/v1/messages/batch', messages);
  };
  for (let from = 0; from < SERVICES; from += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => one(from + i)));
}

test('10,000 services and 1,000,000 messages', { skip: process.env.LONG !== '1' && 'only with LONG=1' }, async () => {
  const hub = await TestHub.start('max_queue_size: 2000000\nmax_queue_bytes: 4294967296');
  const browser = await launch();
  try {
    await fill(hub);
    const page = await open(browser, hub);
    await settled(page);
    const slow = [];
    for (const path of VIEWS) {
      const begun = Date.now();
      await go(page, path);
      const taken = Date.now() - begun;
      console.log(`${path}: ${taken} ms`);
      if (taken > 1000) slow.push(`${path}: ${taken} ms`);
    }
    assert.deepEqual(slow, []);
    for (let tab = 1; tab < TABS; tab += 1) await settled(await open(browser, hub, '/'));
    const before = processorTime(hub.process.pid);
    await wait(MEASURED * 1000);
    const part = (processorTime(hub.process.pid) - before) / MEASURED / TABS;
    console.log(`a tab takes ${(part * 100).toFixed(2)} % of a core of the hub`);
    assert.ok(part < 0.005, `a tab takes ${(part * 100).toFixed(2)} % of a core`);
  } finally {
    await browser.close();
    await hub.stop();
  }
});
