// One polite live region: at most one sentence each five seconds, so that it can be listened to.
import { createStore } from './store.js';

const PAUSE = 5000;
export const announced = createStore('');
let last = 0;
let waiting = 0;
let next = '';

/** @param {string} sentence the newest wins */
export function announce(sentence) {
  next = sentence;
  if (waiting !== 0) return;
  waiting = window.setTimeout(() => {
    waiting = 0;
    last = Date.now();
    announced.set(next);
  }, Math.max(0, last + PAUSE - Date.now()));
}
