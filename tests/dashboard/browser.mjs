// Chromium, and pages that write down everything a page must not do.
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { PATIENCE } from './hub.mjs';

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export function launch(args = []) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...args] });
}

/** Opens a page of the hub. `faults` gets each console message, error and request to elsewhere. */
export async function open(browser, hub, path = '/', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.faults = [];
  page.on('console', message => page.faults.push(`console ${message.type()}: ${message.text()} ${message.location().url}`));
  page.on('pageerror', error => page.faults.push(`error: ${error.stack ?? error.message}`));
  page.on('request', request => {
    if (!request.url().startsWith(hub.url)) page.faults.push(`request elsewhere: ${request.url()}`);
  });
  await page.goto(`${hub.url}/#${path}`);
  return page;
}

/** Another view of the same page. */
export async function go(page, path) {
  await page.evaluate(async to => {
    if (location.hash === `#${to}`) return;
    const changed = new Promise(done => addEventListener('hashchange', done, { once: true }));
    location.hash = to;
    await changed;
    // Until the view that follows from it has been drawn, and has asked for what it shows.
    for (let frames = 0; frames < 3; frames += 1) await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  }, path);
  await settled(page);
}

/** The view has what it shows, be it that there is nothing. */
export async function settled(page) {
  await page.waitForSelector('main h1');
  await page.waitForFunction(() => !document.querySelector('main [aria-busy="true"]'));
}

/** The worlds of pages in which axe is, each for as long as its document is shown. */
const worlds = new WeakMap();

/** A world beside the page's, where its policy does not hold. */
async function worldOf(page) {
  const client = await page.context().newCDPSession(page);
  const { frameTree } = await client.send('Page.getFrameTree');
  const { executionContextId: contextId } = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' });
  await client.send('Runtime.evaluate', { expression: AXE, contextId });
  return { client, contextId };
}

/** What axe finds, as lines. The page must not be loaded anew between two calls. */
export async function axe(page) {
  if (!worlds.has(page)) worlds.set(page, await worldOf(page));
  const { client, contextId } = worlds.get(page);
  const expression = `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(STANDARDS)} }).then(found => JSON.stringify(found.violations.map(rule =>
    rule.id + ': ' + rule.help + ' — ' + rule.nodes.map(node => node.target.join(' ')).join(', '))))`;
  const { result, exceptionDetails } = await client.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true, contextId });
  assert.equal(exceptionDetails, undefined);
  return JSON.parse(result.value);
}
