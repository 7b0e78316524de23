// Other pages in the reader's browser get nothing from the hub and do nothing to it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { TestHub } from './hub.mjs';
import { launch } from './browser.mjs';

const NAME = 'evil.example.org';
let hub, browser, foreign, port;

before(async () => {
  hub = await TestHub.start();
  browser = await launch([`--host-resolver-rules=MAP ${NAME} 127.0.0.1`]);
  foreign = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>foreign</title>'));
  await new Promise(up => foreign.listen(0, '127.0.0.1', up));
  ({ port } = foreign.address());
  await hub.register('printer', 'http://127.0.0.1:9', { instance_id: 'one' });
});
after(async () => {
  await browser?.close();
  foreign?.close();
  await hub?.stop();
});

async function pageAt(url) {
  const page = await (await browser.newContext()).newPage();
  const answer = await page.goto(url);
  return { page, answer };
}

for (const host of ['127.0.0.1', 'localhost', NAME]) {
  test(`a page of ${host} on another port cannot send, read or listen`, async () => {
    const { page } = await pageAt(`http://${host}:${port}/`);
    const seen = await page.evaluate(async ({ url }) => {
      const message = JSON.stringify({ destination: 'printer', type: 'label', payload: 'from elsewhere' });
      const sent = await fetch(`${url}/v1/messages`, { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: message }).then(answer => answer.type, () => 'refused');
      const read = await fetch(`${url}/v1/messages`).then(() => 'read', () => 'refused');
      const socket = await new Promise(done => {
        const opened = new WebSocket(`${url.replace('http', 'ws')}/v1/events/stream`);
        opened.onopen = () => done('open');
        opened.onerror = () => done('refused');
      });
      return { sent, read, socket };
    }, { url: hub.url });
    assert.equal(seen.read, 'refused');
    assert.equal(seen.socket, 'refused');
    const { messages } = await hub.get('/v1/messages');
    assert.deepEqual(messages, [], `what it sent (${seen.sent}) must not have arrived`);
    await page.context().close();
  });
}

test('a name that is made to lead to the hub reads nothing', async () => {
  const { page, answer } = await pageAt(`http://${NAME}:${hub.port}/v1/messages`);
  assert.equal(answer.status(), 403);
  assert.match(await page.locator('body').innerText(), /allowed_hosts/);
  await page.context().close();
});

test('the hub is in no frame of another page', async () => {
  const { page } = await pageAt(`http://127.0.0.1:${port}/`);
  await page.evaluate(url => {
    const frame = document.createElement('iframe');
    frame.src = `${url}/`;
    document.body.append(frame);
    return new Promise(done => { frame.onload = done; });
  }, hub.url);
  const inside = page.frames().find(frame => frame !== page.mainFrame());
  assert.equal(await inside.locator('main').count(), 0);
  await page.context().close();
});
