// What each view shows is what the hub answers: the same rows in the same order, the same figures.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { go, launch, open, settled } from './browser.mjs';
import { scene, views } from './scene.mjs';

let set, browser, page;

before(async () => {
  [set, browser] = await Promise.all([scene(), launch()]);
  page = await open(browser, set.hub);
  await settled(page);
});
after(async () => {
  await browser?.close();
  await set?.stop();
});

const get = path => set.hub.get(path);
const english = figure => figure.toLocaleString('en-US');
const text = async selector => (await page.locator(selector).innerText()).replace(/\s+/g, ' ').trim();
const rows = () => page.locator('main tr[data-row]').evaluateAll(all => all.map(row => row.dataset.row));
/** The cells of a row by the names of their columns. */
const cells = id => page.locator(`main tr[data-row="${id}"]`).evaluate(row => Object.fromEntries([...row.querySelectorAll('[data-name]')].map(cell => [cell.dataset.name, cell.innerText.trim()])));
/** A fact by its label. */
const fact = label => page.locator('.facts > div').filter({ has: page.locator('dt', { hasText: new RegExp(`^${label}$`) }) }).locator('dd').first().innerText();

test('overview: what became of all messages', async () => {
  await go(page, '/');
  const { totals, attention } = await get('/v1/overview');
  const shown = await text('.account');
  assert.ok(shown.startsWith(`${english(totals.accepted)} accepted =`), shown);
  for (const [state, count] of Object.entries(totals)) if (state !== 'accepted' && count > 0) assert.ok(shown.includes(`${english(count)} ${state}`), `${state} in ${shown}`);
  assert.equal(await page.locator('.attention li').count(), attention.length);
  for (const { text: sentence } of attention) assert.ok((await text('.attention')).includes(sentence), sentence);
});

test('services: rows as they are joined', async () => {
  await go(page, '/services');
  const { services } = await get('/v1/overview/services');
  assert.deepEqual(await rows(), services.map(row => row.service));
  for (const row of services) {
    const shown = await cells(row.service);
    assert.deepEqual([shown.queued, shown.dead, shown.instances], [english(row.queued), english(row.dead_letters), `${row.available}/${row.instances}`], row.service);
  }
  await go(page, '/services/printer');
  const printer = services.find(row => row.service === 'printer');
  assert.equal(await fact('queued'), english(printer.queued));
  assert.equal(await fact('of them parked'), english(printer.parked));
});

test('messages: those that match, newest first', async () => {
  for (const [query, asked] of [['', ''], ['?state=dead', 'state=dead'], ['?to=billing&contains=onerror', 'destination=billing&payload_contains=onerror']]) {
    await go(page, `/messages${query}`);
    const { messages } = await get(`/v1/messages?limit=100&${asked}`);
    assert.ok(messages.length > 0, `there are some of ${asked}`);
    assert.deepEqual(await rows(), messages.map(message => message.id), asked);
  }
  const message = await get(`/v1/messages/${set.letter}`);
  await go(page, `/messages/${set.letter}`);
  assert.equal(await fact('attempts'), english(message.delivery_attempts));
  assert.equal(await fact('id'), message.id);
});

test('dead letters: those that match, and the job that sent them again', async () => {
  await go(page, '/dead/letters?to=guild');
  // Events go on to die, so the newest may be newer than the answer: those of before are the same.
  const { dead_letters: letters } = await get('/v1/dlq?destination=guild&limit=100');
  const shown = await rows();
  assert.ok(shown.includes(set.letter));
  assert.deepEqual(letters.map(letter => letter.id).filter(id => shown.includes(id)), shown);
  await go(page, '/dead/jobs');
  const job = await get(`/v1/dlq/redrive/${set.job}`);
  const told = await text('article');
  for (const part of [`Redrive ${english(job.matched)}`, `${english(job.redriven)} sent again`, `${english(job.failed)} died again`]) assert.ok(told.includes(part), `${part} in ${told}`);
});

test('events: found, in streams, in a conversation, and by whom they are subscribed to', async () => {
  await go(page, '/events/search?type=character.*');
  const { events } = await get('/v1/events?event_type=character.*&order=desc&limit=100');
  assert.deepEqual(await rows(), events.map(event => event.id));
  const { items } = await get('/v1/correlations/order-7?limit=200');
  await go(page, '/events/conversation?id=order-7');
  assert.equal(await page.locator('ol.timeline > li').count(), items.length);
  await go(page, '/subscriptions');
  const { subscriptions } = await get('/v1/subscriptions');
  assert.deepEqual((await rows()).toSorted(), subscriptions.map(one => one.subscription_id).toSorted());
});

test('the hub: which it is', async () => {
  await go(page, '/hub');
  const { version } = await get('/v1/session');
  assert.ok((await text('main')).includes(version));
});

test('looking changes nothing', async () => {
  const { totals: before } = await get('/v1/overview');
  const changing = [];
  page.on('request', request => request.method() !== 'GET' && changing.push(`${request.method()} ${request.url()}`));
  for (const path of Object.values(views(set))) await go(page, path);
  assert.deepEqual(changing, []);
  const { totals: afterwards } = await get('/v1/overview');
  assert.equal(afterwards.accepted, before.accepted);
  assert.deepEqual(page.faults, []);
});
