// What is shown goes on by itself: charts, sums, rows; and what is done to several rows at once.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { go, launch, open, settled } from './browser.mjs';
import { TestHub, until } from './hub.mjs';

let hub, browser, page;

before(async () => {
  [hub, browser] = await Promise.all([TestHub.start(), launch()]);
  for (const service of ['binder', 'cutter', 'folder']) await hub.post('/v1/services/register', { service, instance_id: 'one' });
  page = await open(browser, hub);
  await settled(page);
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

const text = async selector => (await page.locator(selector).innerText()).replace(/\s+/g, ' ');
const row = name => text(`tr[data-row=${name}]`);
/** Until the page says so; nobody touches it meanwhile. */
const says = (what, ask, sign) => until(what, async () => sign.test(await ask()));

test('the sum of all messages is there, and counts on without a reload', async () => {
  await hub.sendMany('cutter', 30);
  await says('30 messages in the sum', () => text('.account'), /^30 accepted = 30 \w+ ✓/);
  await hub.sendMany('cutter', 12);
  await says('42 messages in the sum', () => text('.account'), /^42 accepted = 42 \w+ ✓/);
  const { totals } = await hub.get('/v1/overview');
  assert.equal(totals.accepted, 42);
});

test('a chart says in words what it shows, has a cursor by keys and is there as a table', async () => {
  await page.locator('.plot canvas').first().waitFor();
  assert.equal(await page.locator('.plot canvas').count(), 4);
  const waiting = page.locator('figure.chart', { hasText: 'Waiting by priority' });
  await until('42 that wait in the label', async () => /normal last 42, lowest \d+, highest 42/.test(await waiting.locator('.plot').getAttribute('aria-label')));
  await waiting.locator('.plot').focus();
  await page.keyboard.press('Home');
  for (const legend of await page.locator('.legend').all()) await legend.locator('time').waitFor();
  await page.keyboard.press('End');
  await until('the last value under the cursor', async () => /normal\s+42/.test(await waiting.locator('.legend').innerText()));
  await waiting.getByRole('button', { name: 'show as table' }).click();
  assert.match((await waiting.locator('tbody tr').first().innerText()).replace(/\s+/g, ' '), / 0 0 42 0 0$/);
  assert.ok(await waiting.locator('tbody tr').count() <= 61);
});

test('rows follow, and stay where they are', async () => {
  await go(page, '/services?sort=queued');
  const order = () => page.locator('tr[data-row]').evaluateAll(rows => rows.map(one => one.dataset.row));
  const first = await order();
  assert.equal(first[0], 'cutter');
  await hub.sendMany('folder', 77);
  await says('77 in the row', () => row('folder'), / 77 /);
  assert.deepEqual(await order(), first);
});

test('several queues are paused at once; what fails is not forgotten, what is done not repeated', async () => {
  await go(page, '/services');
  await page.locator('tr[data-row]').first().waitFor();
  for (const key of ['j', 'x', 'j', 'j', 'Shift+X']) await page.keyboard.press(key);
  assert.match(await text('.selected'), /^3 selected:/);
  const asked = [];
  await page.route('**/v1/queue/pause', route => {
    asked.push(route.request().postData());
    return asked.length === 2 ? route.abort() : route.continue();
  });
  await page.locator('.selected').getByRole('button', { name: 'pause…' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.getByRole('button', { name: 'pause' }).click();
  await dialog.locator('.failure').waitFor();
  assert.match(await dialog.innerText(), /1 of 3 are done/);
  await dialog.getByRole('button', { name: 'pause' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.unroute('**/v1/queue/pause');
  assert.deepEqual(asked.map(body => JSON.parse(body).service), ['binder', 'cutter', 'cutter', 'folder']);
  for (const service of ['binder', 'cutter', 'folder']) await says(`${service} paused`, () => row(service), /paused/);
  const { services } = await hub.get('/v1/overview/services?queue=paused');
  assert.deepEqual(services.map(one => one.service), ['binder', 'cutter', 'folder']);
  // That the one request failed was meant, and a browser says it.
  page.faults = page.faults.filter(fault => !/queue\/pause/.test(fault));
});

test('a paused service says so first, and that it goes on again', async () => {
  await go(page, '/services/folder');
  await page.locator('.warning', { hasText: 'The queue is paused' }).getByRole('button', { name: 'resume…' }).click();
  await page.locator('dialog[open]').getByRole('button', { name: 'resume' }).click();
  await page.locator('.failure', { hasText: 'No instance takes messages. 77 messages wait' }).waitFor();
  await page.locator('main .state', { hasText: 'running' }).waitFor();
});

test('nothing of all this is a fault for the browser', () => assert.deepEqual(page.faults, []));
