// Finds by shape: an id is looked for everywhere, a type goes to the events, a name is a service's.
import { get, step } from './api.js';
import { announce } from './announce.js';
import { go, href } from './route.js';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Where an id may be, and the view that shows it. @type {[string, (id: string) => string][]} */
const HOMES = [
  ['/v1/dlq/', id => href(['dead', id])],
  ['/v1/messages/', id => href(['messages', id])],
  ['/v1/events/', id => href(['events', id])],
  ['/v1/subscriptions/', id => href(['subscriptions', id])],
  ['/v1/correlations/', id => href(['events', 'conversation'], { id })],
];

/** @param {string} text */
export async function find(text) {
  if (text === '') return;
  if (!ID.test(text)) {
    if (/[.*#]/.test(text)) go(href(['events', 'search'], { type: text }));
    else go(href(['services'], { q: text }));
    return;
  }
  const answers = await Promise.all(HOMES.map(([path]) => get(`${path}${step(text)}`, path === '/v1/subscriptions/' ? {} : { payload: 'none', limit: path === '/v1/correlations/' ? 1 : undefined })
    .then(() => true, () => false)));
  const home = HOMES[answers.indexOf(true)];
  if (home) go(home[1](text));
  else {
    announce(`nothing has the id ${text}`);
    go(href(['messages'], { id: text }));
  }
}
