// A hub that is killed and comes back: the page says so, and goes on by itself.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { launch, open, settled } from './browser.mjs';
import { TestHub, until } from './hub.mjs';

let hub, browser;

before(async () => {
  [hub, browser] = await Promise.all([TestHub.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

test('the numbers are said to be old while the hub is away, and live again afterwards without a reload', async () => {
  const page = await open(browser, hub);
  await settled(page);
  await page.evaluate(() => { window.sameDocument = true; });
  const stale = page.getByText(/as of \d/);
  assert.equal(await stale.count(), 0);
  await hub.kill();
  await stale.first().waitFor();
  await hub.again();
  await until('numbers that live', async () => await stale.count() === 0);
  await hub.post('/v1/services/register', { service: 'scanner', instance_id: 'one' });
  await hub.sendMany('scanner', 7);
  await page.locator('.account').getByText(/^7\s*(queued|parked)$/).waitFor();
  assert.equal(await page.evaluate(() => window.sameDocument), true);
  await page.context().close();
});
