// Dead letters by why they died: found, sent elsewhere, deleted, and no others.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { go, launch, open, settled } from './browser.mjs';
import { Receiver, TestHub, until } from './hub.mjs';

let hub, browser, page, guild, clinic;

before(async () => {
  [hub, browser, guild, clinic] = await Promise.all([
    TestHub.start('circuit_breaker_rejection_threshold: 0\n'), launch(), Receiver.start(422), Receiver.start(200),
  ]);
  await hub.register('guild', guild.url);
  await hub.register('clinic', clinic.url);
  await hub.sendMany('guild', 5, { type: 'order' });
  await hub.sendMany('guild', 4, { type: 'label' });
  await until('letters', async () => await left() === 9);
  guild.status = 400;
  await hub.sendMany('guild', 2, { type: 'label' });
  await until('more letters', async () => await left() === 11);
  page = await open(browser, hub, '/dead');
  await settled(page);
});
after(async () => {
  await browser?.close();
  for (const receiver of [guild, clinic]) receiver?.stop();
  await hub?.stop();
});

const left = async (query = '') => (await hub.get(`/v1/dlq?destination=guild${query}`)).count;
const dialog = () => page.locator('dialog[open]');
const job = () => page.locator('article').first();
const rows = () => page.locator('main tr[data-row]');

test('an outage is one row, whatever its figures, and leads to its letters', async () => {
  const { groups } = await hub.get('/v1/dlq/groups?by=destination,reason,error');
  assert.equal(groups.reduce((sum, group) => sum + group.count, 0), 11);
  assert.equal(await rows().count(), groups.length);
  assert.match((await rows().first().innerText()).replace(/\s+/g, ' '), /^guild rejected 11 .* HTTP #/);
  await rows().first().locator('th a').click();
  await page.waitForURL(/\/dead\/letters\?.*error=HTTP/);
  await rows().nth(10).waitFor();
  assert.equal(await rows().count(), 11);
});

test('they are found by type and by a part of the error', async () => {
  await go(page, '/dead/letters?type=order');
  await rows().nth(4).waitFor();
  assert.equal(await rows().count(), 5);
  await go(page, '/dead/letters?contains=400');
  await rows().nth(1).waitFor();
  await until('two rows', async () => await rows().count() === 2);
});

test('two that are selected are sent to another service, and no others', async () => {
  await go(page, '/dead/letters?type=order');
  await rows().nth(4).waitFor();
  for (const key of ['j', 'j', 'x', 'j', 'x', 'r']) await page.keyboard.press(key);
  await dialog().getByText('2 letters matched now').waitFor();
  await dialog().getByLabel('to another service').fill('clinic');
  await dialog().getByRole('button', { name: 'redrive 2' }).click();
  await job().locator('.state', { hasText: 'done' }).waitFor();
  assert.match((await job().innerText()).replace(/\s+/g, ' '), /2 sent again .* 2 selected to clinic/);
  await until('both in the clinic', () => clinic.bodies.length === 2);
  assert.equal(await left(), 9);
});

test('those that match are deleted once their number is typed', async () => {
  await go(page, '/dead?type=label');
  await rows().first().getByRole('button', { name: /^delete/ }).click();
  const really = dialog().getByRole('button', { name: 'delete 6' });
  await really.waitFor();
  assert.equal(await really.isDisabled(), true);
  await dialog().getByLabel(/^type 6/).fill('6');
  await really.click();
  await job().locator('.state', { hasText: 'done' }).waitFor();
  assert.match((await job().innerText()).replace(/\s+/g, ' '), /^Delete 6 .* 6 deleted/);
  assert.deepEqual([await left(), await left('&type=label')], [3, 0]);
});

test('nothing of all this is a fault for the browser', () => assert.deepEqual(page.faults, []));
