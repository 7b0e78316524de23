// Events as they come, of which as much is sent as is shown, and callbacks that are tried by hand.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, open, settled } from './browser.mjs';
import { Receiver, TestHub } from './hub.mjs';

/** More than the head of a payload has. */
const LONG = `{"n": 12345678901234567890, "text": "${'ä'.repeat(2000)}"}`;
let browser, hub, receiver;

before(async () => {
  browser = await launch();
  hub = await TestHub.start();
  receiver = await Receiver.start(503);
});
after(async () => {
  await browser?.close();
  receiver?.stop();
  await hub?.stop();
});

async function done(page) {
  const { faults } = page;
  await page.context().close();
  assert.deepEqual(faults, []);
}

test('the tail is sent how each event begins, and all of the one that is opened', async () => {
  const page = await open(browser, hub, '/events');
  /** @type {string[]} */
  const heard = [];
  page.on('websocket', socket => socket.on('framereceived', frame => heard.push(String(frame.payload))));
  await page.reload();
  await page.getByText('● live').waitFor();
  const { id } = await hub.publish('order.paid', LONG);
  const row = page.getByRole('row').filter({ hasText: 'order.paid' });
  await row.getByText('{"n": 12345678901234567890, "text": "ä').waitFor();
  const frame = heard.find(text => text.includes(id));
  assert.ok(frame?.includes('"payload_bytes"') && !frame.includes('"data"'), frame);
  assert.ok(frame.length < 2000, `${frame.length} characters`);
  await row.getByRole('link').first().click();
  await settled(page);
  await page.waitForFunction(text => document.querySelector('aside')?.textContent?.includes(text), 'ä'.repeat(2000));
  await done(page);
});

test('a callback is tested from the page of its subscription, and what it answers is shown', async () => {
  const { subscription_id: id } = await hub.post('/v1/subscriptions', { service: 'guild', event_types: ['order.*'], callback_url: receiver.url });
  const page = await open(browser, hub, `/subscriptions/${id}`);
  await settled(page);
  const button = page.getByRole('button', { name: 'test', exact: true });
  await button.click();
  await page.getByText(/^HTTP 503, \d+ ms$/).waitFor();
  // Soon after one there is no other; the page says so.
  await button.click();
  await page.getByText('RATE_LIMITED').waitFor();
  receiver.status = 204;
  await page.waitForFunction(() => {
    const found = [...document.querySelectorAll('button')].find(one => one.textContent === 'test');
    if (found && !found.disabled && !/HTTP 204/.test(document.body.innerText)) found.click();
    return /HTTP 204, \d+ ms/.test(document.body.innerText);
  }, undefined, { polling: 500 });
  const tests = receiver.bodies.map(body => JSON.parse(body));
  assert.deepEqual(tests.map(one => [one.event_type, one.sequence]), [['message-hub.test', 0], ['message-hub.test', 0]]);
  const faults = page.faults.filter(fault => !fault.includes('429'));
  await page.context().close();
  assert.deepEqual(faults, []);
});
