// What an operator does at three in the morning, without a mouse.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, open, settled } from './browser.mjs';
import { Receiver, TestHub, until } from './hub.mjs';
import { HOSTILE } from './scene.mjs';

const LETTERS = 1000;
/** Tabs until a control is reached; more than any view has before what is sought. */
const MOST_TABS = 80;
let browser, hub;
/** @type {Receiver[]} */
const receivers = [];

before(async () => {
  browser = await launch();
  hub = await TestHub.start('base_retry_delay: 0.1\nmax_retry_delay: 0.2\nmax_retry_attempts: 8\ncircuit_breaker_reset_timeout: 600\ncircuit_breaker_rejection_threshold: 0\n');
});
after(async () => {
  await browser?.close();
  for (const receiver of receivers) receiver.stop();
  await hub?.stop();
});

/** A service whose only instance answers with that status. */
async function service(name, status) {
  const receiver = await Receiver.start(status);
  receivers.push(receiver);
  await hub.register(name, receiver.url);
  return receiver;
}

/** Presses Tab until a control of that name has the focus. */
async function tabTo(page, name) {
  const named = () => page.evaluate(() => {
    const here = document.activeElement;
    return here?.getAttribute('aria-label') ?? here?.labels?.[0]?.innerText ?? here?.innerText ?? '';
  });
  for (let presses = 0; presses < MOST_TABS; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await named()).trim().startsWith(name)) return;
  }
  assert.fail(`no Tab leads to ${name}`);
}

async function keys(page, ...names) {
  for (const name of names) await page.keyboard.press(name);
}

async function done(page) {
  const { faults } = page;
  await page.context().close();
  assert.deepEqual(faults, []);
}

test('a parked message is found and understood, its circuit closed, and it is seen to arrive', async () => {
  const printer = await service('printer', 503);
  await hub.sendMany('printer', 7);
  await until('an open circuit', async () => (await hub.get('/v1/circuits/printer')).state === 'OPEN');
  const id = await hub.send('printer', HOSTILE);
  await until('a parked message', async () => (await hub.get(`/v1/messages/${id}`)).state === 'parked');
  const page = await open(browser, hub);
  await settled(page);
  await keys(page, 'g', 'm');
  await page.locator('h1', { hasText: 'Messages' }).waitFor();
  await tabTo(page, 'state');
  await page.keyboard.type('parked');
  await tabTo(page, 'payload contains');
  await page.keyboard.type('onerror');
  await keys(page, 'Enter');
  await page.waitForURL(/state=parked.*contains=onerror/);
  await page.waitForFunction(() => document.querySelectorAll('main tr[data-row]').length === 1);
  await keys(page, 'Escape');
  await keys(page, 'j', 'Enter');
  await page.getByText('Not delivered yet').waitFor();
  assert.match(await page.locator('.warning').innerText(), /the circuit is open.*7 messages are ahead/);
  const payload = await page.locator('pre.payload').innerText();
  for (const part of ['<img src=x onerror=alert(1)></script>', '12345678901234567890', '1e400', '\\u202e']) assert.ok(payload.includes(part), part);
  printer.status = 200;
  await tabTo(page, 'to the circuit');
  await tabTo(page, 'close');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor();
  await tabTo(page, 'reason');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page.locator('.title .state', { hasText: 'delivered' }).waitFor();
  assert.ok(printer.bodies.some(body => body.includes(HOSTILE)), 'it arrives as it was sent');
  await done(page);
});

test('an open message says by itself that it has arrived', async () => {
  await hub.post('/v1/services/register', { service: 'scanner', instance_id: 'none' });
  const id = await hub.send('scanner', '{"page":1}');
  const page = await open(browser, hub, `/messages/${id}`);
  await page.getByText('Not delivered yet').waitFor();
  await service('scanner', 200);
  await page.locator('.title .state', { hasText: 'delivered' }).waitFor();
  await done(page);
});

test('messages are selected in a row and cancelled, and no others', async () => {
  await hub.post('/v1/services/register', { service: 'archive', instance_id: 'none' });
  await hub.sendMany('archive', 6);
  const page = await open(browser, hub, '/messages?to=archive');
  await page.locator('tr[data-row]').nth(5).waitFor();
  await keys(page, 'j', 'j', 'x', 'j', 'j', 'Shift+X');
  await page.getByText('3 selected').waitFor();
  await tabTo(page, 'cancel');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.type('3');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page.locator('tr[data-row] .state', { hasText: 'cancelled' }).nth(2).waitFor();
  const { messages } = await hub.get('/v1/messages?destination=archive');
  assert.deepEqual(messages.map(message => message.state === 'cancelled'), [false, true, true, true, false, false]);
  await done(page);
});

test('a dead letter is mended: only what was changed differs, and what was not stays as it was', async () => {
  const guild = await service('guild', 422);
  const id = await hub.send('guild', HOSTILE);
  await until('a dead letter', async () => (await hub.ask('GET', `/v1/dlq/${id}`)).status === 200);
  guild.status = 200;
  const page = await open(browser, hub, `/dead/${id}`);
  await settled(page);
  await page.getByText('Given up').waitFor();
  await keys(page, 'e');
  await page.getByText('Nothing is changed').or(page.getByText('Only spaces')).waitFor();
  await keys(page, 'Control+Home', 'ArrowRight');
  await page.keyboard.type('"first":');
  await page.getByText('no JSON').waitFor();
  await page.keyboard.type('true,');
  await page.getByText('✓ JSON').waitFor();
  assert.deepEqual(await page.locator('.diff .in').allTextContents(), ['+ put in:   "first": true,']);
  assert.equal(await page.locator('.diff .out').count(), 0);
  await tabTo(page, 'send');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor();
  await tabTo(page, 'send');
  await keys(page, 'Enter');
  await page.locator('.title .state', { hasText: 'delivered' }).waitFor();
  const arrived = guild.bodies.map(body => body.replaceAll(/\s/g, '')).find(body => body.includes('"first":true'));
  assert.ok(arrived?.includes(`{"first":true,${HOSTILE.slice(1).replaceAll(/\s/g, '')}`), arrived);
  await done(page);
});

/** How one comes from the overview to 38 letters that are sent again. */
const WAYS = {
  'three clicks': async page => {
    await page.getByRole('link', { name: /^look: 38 dead letters/ }).click();
    await page.locator('main').getByRole('button', { name: /^redrive/ }).first().click();
    await page.locator('dialog[open]').getByRole('button', { name: 'redrive 38' }).click();
  },
  'three keys': async page => {
    await keys(page, 'g', 'd');
    await page.locator('main tr[data-row]').first().waitFor();
    await keys(page, 'r');
    await page.locator('dialog[open]').getByRole('button', { name: 'redrive 38' }).waitFor();
    await keys(page, 'Enter');
  },
};
for (const [name, way] of Object.entries(WAYS)) {
  test(`38 dead letters are sent again by ${name}`, async () => {
    const destination = `mailer-of-${name.replace(' ', '-')}`;
    const mailer = await service(destination, 422);
    await hub.sendMany(destination, 38);
    const died = async () => (await hub.get(`/v1/dlq?destination=${destination}`)).count;
    await until('38 letters', async () => await died() === 38);
    // Groups are kept for some seconds, so that those of the way before may still be told.
    const groups = async () => (await hub.get('/v1/dlq/groups?by=destination,reason,error')).groups;
    await until('their group alone', async () => (await groups()).every(group => group.destination === destination));
    mailer.status = 200;
    const page = await open(browser, hub);
    await settled(page);
    await way(page);
    const job = page.locator('article').first();
    await job.locator('.state', { hasText: 'done' }).waitFor();
    assert.match(await job.innerText(), /38 sent again/);
    await until('no letter', async () => await died() === 0);
    await done(page);
  });
}

test('1,000 letters are sent again, with a pause and a reload in the middle', async () => {
  const billing = await service('billing', 422);
  await hub.sendMany('billing', LETTERS);
  await until('all letters', async () => (await hub.post('/v1/dlq/redrive', { filter: { destination: 'billing' }, dry_run: true })).matched === LETTERS);
  billing.status = 200;
  const page = await open(browser, hub);
  await settled(page);
  await keys(page, 'g', 'd');
  await tabTo(page, 'Letters');
  await keys(page, 'Enter');
  await tabTo(page, 'to');
  await page.keyboard.type('billing');
  await keys(page, 'Enter');
  await page.waitForURL(/to=billing/);
  await page.locator('tr[data-row]').first().waitFor();
  await keys(page, 'Escape', 'r');
  await page.getByText('1,000 letters matched now').waitFor();
  await tabTo(page, 'letters a second');
  await page.keyboard.type('100');
  await tabTo(page, 'redrive 1,000');
  await keys(page, 'Enter');
  const job = page.locator('article').first();
  await job.filter({ hasText: 'Redrive 1,000' }).waitFor();
  await page.waitForFunction(() => /[1-9]\d* sent again/.test(document.querySelector('article')?.innerText ?? ''));
  await tabTo(page, 'pause');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor();
  await tabTo(page, 'pause');
  await keys(page, 'Enter');
  await job.locator('.state', { hasText: 'paused' }).waitFor();
  await page.reload();
  await job.locator('.state', { hasText: 'paused' }).waitFor();
  assert.ok(Number((await job.innerText()).match(/([\d,]+) left/)[1].replaceAll(',', '')) > 0);
  await tabTo(page, 'resume');
  await keys(page, 'Enter');
  await page.locator('dialog[open]').waitFor();
  await tabTo(page, 'resume');
  await keys(page, 'Enter');
  await job.locator('.state', { hasText: 'done' }).waitFor();
  assert.match(await job.innerText(), /1,000 sent again/);
  await until('no letter', async () => (await hub.get('/v1/dlq?destination=billing')).count === 0);
  await done(page);
});
