// Every view in both themes, wide and narrow: nothing that axe finds, no console message, no request elsewhere.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, go, launch, open, settled } from './browser.mjs';
import { scene, views } from './scene.mjs';
import { TestHub } from './hub.mjs';

let full, empty, browser;

before(async () => {
  [full, empty, browser] = await Promise.all([scene(), TestHub.start(), launch()]);
});
after(async () => {
  await browser?.close();
  await full?.stop();
  await empty?.stop();
});

async function look(hub, paths, options) {
  const page = await open(browser, hub, '/', options);
  await settled(page);
  const found = [];
  for (const [name, path] of Object.entries(paths)) {
    await go(page, path);
    for (const finding of await axe(page)) found.push(`${name}: ${finding}`);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (beyond > 0) found.push(`${name}: scrolls sideways by ${beyond} px`);
    const title = await page.locator('main h1').innerText();
    if (title.trim() === '') found.push(`${name}: has no heading`);
  }
  const faults = page.faults;
  await page.context().close();
  assert.deepEqual(found, []);
  assert.deepEqual(faults, []);
}

for (const colorScheme of ['light', 'dark']) {
  test(`all views, ${colorScheme}`, () => look(full.hub, views(full), { colorScheme }));
}

test('all views on a telephone', () => look(full.hub, views(full), { colorScheme: 'dark', viewport: { width: 360, height: 740 } }));

test('all views of a hub that has nothing', () => {
  const lists = Object.entries(views({})).filter(([, path]) => !/undefined|printer|character-7|order-7/.test(path));
  return look(empty, Object.fromEntries(lists), { colorScheme: 'light' });
});
