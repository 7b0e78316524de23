// Payloads of strangers: shown as they are stored, saved and copied to the byte, and never a part of the page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { go, launch, open, settled } from './browser.mjs';
import { TestHub } from './hub.mjs';
import { HOSTILE } from './scene.mjs';

/** As large as a message may be, but for its other fields. */
const LARGE = `{"n":12345678901234567890,"text":"${'all work and no play \\u0000 '.repeat(37_000)}"}`;
let hub, browser;

before(async () => {
  [hub, browser] = await Promise.all([TestHub.start(), launch()]);
  await hub.post('/v1/services/register', { service: 'scanner', instance_id: 'one' });
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

const reading = { permissions: ['clipboard-read', 'clipboard-write'] };

for (const [name, payload] of Object.entries({ hostile: HOSTILE, large: LARGE })) {
  test(`a ${name} payload is copied and saved as it was sent, ${payload.length} characters`, async () => {
    const id = await hub.send('scanner', payload);
    const page = await open(browser, hub, `/messages/${id}`, reading);
    const shown = page.getByRole('region', { name: 'payload', exact: true });
    await shown.getByRole('button', { name: 'copy' }).click();
    await shown.getByRole('button', { name: 'copied' }).waitFor();
    assert.ok(await page.evaluate(() => navigator.clipboard.readText()) === payload, 'what is copied is what was sent');
    const [file] = await Promise.all([page.waitForEvent('download'), shown.getByRole('button', { name: 'save' }).click()]);
    assert.ok(await readFile(await file.path(), 'utf8') === payload, 'what is saved is what was sent');
    assert.equal(await page.locator('main img').count(), 0);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test('what turns or hides text is named where it stands, in rows and on the page of a message', async () => {
  const id = await hub.send('scanner', HOSTILE, { type: 'turned' });
  const page = await open(browser, hub, '/messages?type=turned');
  await settled(page);
  for (const path of ['/messages?type=turned', `/messages/${id}`]) {
    await go(page, path);
    assert.match(await page.locator('main').innerText(), /U\+202E/);
    assert.ok(!(await page.locator('main').innerText()).includes('\u202e'), `${path} is not turned`);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('all that matches is saved, a line for each, as it was sent', async () => {
  const ids = [];
  for (let n = 0; n < 3; n += 1) ids.unshift(await hub.send('scanner', HOSTILE, { type: 'saved' }));
  await hub.sendMany('scanner', 450, { type: 'saved' });
  const page = await open(browser, hub, '/messages?type=saved');
  await settled(page);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'all that match as NDJSON' }).click()]);
  await page.locator('main [role=status]', { hasText: '453 saved' }).waitFor();
  const lines = (await readFile(await file.path(), 'utf8')).trimEnd().split('\n');
  assert.equal(lines.length, 453);
  assert.deepEqual(lines.slice(-3).map(line => JSON.parse(line).id), ids);
  for (const line of lines.slice(-3)) assert.ok(line.includes(`"payload":${HOSTILE}`), line);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
