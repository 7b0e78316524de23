// The picture of the overview: node screenshot.mjs MINUTES FILE. Nothing in it is made up; a hub works for so long.
import { setTimeout as wait } from 'node:timers/promises';
import { launch, open, settled } from './browser.mjs';
import { Receiver, TestHub } from './hub.mjs';

const [minutes, file] = [Number(process.argv[2]), process.argv[3]];
const CONFIG = 'base_retry_delay: 1\nmax_retry_delay: 5\nmax_retry_attempts: 3\ncircuit_breaker_reset_timeout: 90\ncircuit_breaker_rejection_threshold: 0\n';
/** What is sent each second to whom: in the middle it is more. */
const TRAFFIC = [['billing', 40, 30], ['mailer', 15, 10], ['stock', 10, 5], ['printer', 4, 3]];

const receivers = [];
async function service(hub, name, status) {
  const receiver = await Receiver.start(status);
  receivers.push(receiver);
  await hub.register(name, receiver.url);
  return receiver;
}

/** @param {number} part of the time that is over, 0 to 1 */
async function second(hub, part) {
  const sent = TRAFFIC.map(([name, usual, more]) => hub.sendMany(name, Math.round(usual + more * Math.sin(part * 9) * Math.sin(part * 2.5))));
  const priorities = ['HIGH', 'LOW'].map(priority => hub.sendMany('billing', 3, { priority }));
  const published = Array.from({ length: 8 }, (_, n) => hub.publish('order.paid', `{"order":${n}}`));
  await Promise.all([...sent, ...priorities, ...published]);
}

async function work(hub) {
  const [, , , printer] = await Promise.all(TRAFFIC.map(([name]) => service(hub, name, 200)));
  await service(hub, 'guild', 422);
  const away = await Receiver.start(503);
  receivers.push(away);
  await hub.sendMany('guild', 38);
  await hub.post('/v1/subscriptions', { service: 'stock', event_types: ['order.*'], callback_url: `${receivers[2].url}/orders` });
  await hub.post('/v1/subscriptions', { service: 'guild', event_types: ['order.*'], callback_url: `${away.url}/orders` });
  const end = Date.now() + minutes * 60_000;
  for (let now = Date.now(); now < end; now = Date.now()) {
    const part = 1 - (end - now) / (minutes * 60_000);
    printer.status = part > 0.4 && part < 0.55 || part > 0.8 ? 503 : 200;
    await Promise.all([second(hub, part), wait(1000)]);
  }
}

const hub = await TestHub.start(CONFIG);
let browser;
try {
  browser = await launch();
  const page = await open(browser, hub, '/', { colorScheme: 'light', viewport: { width: 1280, height: 800 } });
  await work(hub);
  await settled(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: file, fullPage: true });
} finally {
  await browser?.close();
  for (const receiver of receivers) receiver.stop();
  await hub.stop();
}
