// Who may only look sees all and changes nothing; whose session has ended is asked who he is.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { go, launch, open, settled } from './browser.mjs';
import { scene, views } from './scene.mjs';

const KEYS = { ops: 'key-of-the-operators', screen: 'key-of-the-large-screen', shop: 'key-of-the-shop' };
const CONFIG = `service_keys: ${JSON.stringify(Object.fromEntries(Object.entries(KEYS).map(([name, key]) => [name, [key]])))}\noperators: [ops]\nviewers: [screen]\n`;
/** What each button that changes something begins with. */
const ACTS = /^(redrive|delete|cancel|pause|resume|try now|close|hold open|drain|remove|deregister|clear…|quota|drop quota|strategy|retry|mend|send|select )/i;
let set, browser;

before(async () => {
  [set, browser] = await Promise.all([scene(CONFIG, { 'x-service-name': 'ops', 'x-service-key': KEYS.ops }), launch()]);
});
after(async () => {
  await browser?.close();
  await set?.stop();
});

/** A page whose reader has signed in, by the keyboard. */
async function signedIn(name, path = '/') {
  const page = await open(browser, set.hub, path);
  await page.getByLabel('name').fill(name);
  await page.getByLabel('key').fill(KEYS[name]);
  await page.keyboard.press('Enter');
  await settled(page);
  page.faults = page.faults.filter(fault => !isOfSigningIn(fault));
  return page;
}
/** The browser says in its console that somebody who is not known was refused: there is no other way to ask. */
const isOfSigningIn = fault => /status of 401 .*\/v1\/session$/.test(fault);

/** Names of the controls of a view that would change something. */
const acts = async page => {
  const names = await page.locator('main').locator('button, input[type=checkbox]').evaluateAll(all => all.map(control => control.getAttribute('aria-label') ?? control.innerText));
  return names.filter(name => ACTS.test(name.trim()));
};

test('a viewer sees every view and no button that changes something', async () => {
  const [viewer, operator] = [await signedIn('screen'), await signedIn('ops')];
  const found = [];
  let offered = 0;
  for (const [name, path] of Object.entries(views(set))) {
    await go(viewer, path);
    await go(operator, path);
    offered += (await acts(operator)).length;
    // The tail is paused for oneself.
    if (name !== 'tail') for (const act of await acts(viewer)) found.push(`${name}: ${act}`);
    assert.equal(await viewer.getByText('AUTH_FAILED').count(), 0, `${name} is shown`);
  }
  assert.deepEqual(found, []);
  assert.ok(offered > 20, `an operator is offered all of them, not ${offered}`);
  for (const page of [viewer, operator]) {
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});

test('what a viewer asks for in spite of that is refused', async () => {
  const page = await signedIn('screen');
  const asked = await page.evaluate(async () => {
    const ask = async (method, path, body) => {
      const answer = await fetch(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
      return `${answer.status} ${await answer.text()}`;
    };
    const { dead_letters } = await (await fetch('v1/dlq')).json();
    const letters = dead_letters.flatMap(({ id }) => [['DELETE', `v1/dlq/${id}`], ['POST', `v1/dlq/${id}/reprocess`, {}]]);
    return [
      ...await Promise.all(letters.map(letter => ask(...letter))),
      await ask('PUT', 'v1/circuits/printer', { state: 'CLOSED' }),
      await ask('POST', 'v1/queue/pause', {}),
      await ask('POST', 'v1/dlq/redrive', { filter: {} }),
      await ask('POST', 'v1/messages', { destination: 'printer', source: 'shop', type: 'label', payload: 1 }),
    ];
  });
  assert.ok(asked.length > 4, 'there are dead letters');
  for (const answer of asked) assert.match(answer, /^403 .*"AUTH_FAILED"/);
  await page.context().close();
});

test('a wrong key is said, and the right one lets in', async () => {
  const page = await open(browser, set.hub);
  await page.getByLabel('name').fill('ops');
  await page.getByLabel('key').fill('not-the-key');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.getByLabel('key').fill(KEYS.ops);
  await page.keyboard.press('Enter');
  await settled(page);
  const kept = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert.ok(!kept.includes(KEYS.ops), 'the page keeps no key');
  await page.context().close();
});

test('when a session ends, its page asks who looks, and shows nothing more', async () => {
  const page = await signedIn('ops', '/services');
  await page.locator('tr[data-row]').first().waitFor();
  const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  await set.hub.call('DELETE', '/v1/session', undefined, { cookie: cookies, 'x-service-name': '', 'x-service-key': '' });
  await page.getByLabel('key').waitFor();
  assert.equal(await page.locator('tr[data-row]').count(), 0);
  await page.getByLabel('name').fill('screen');
  await page.getByLabel('key').fill(KEYS.screen);
  await page.keyboard.press('Enter');
  await page.locator('tr[data-row]').first().waitFor();
  assert.equal(await page.locator('.who').innerText(), 'screen viewer');
  await page.context().close();
});
