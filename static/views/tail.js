// The live tail: events as they come, newest first, held still while somebody reads.
import { html, useEffect, useMemo, useReducer, useRef, useState } from '../lib/html.js';
import { listen } from '../lib/feed.js';
import { patterns, Tail } from '../lib/tail.js';

/** Rows that are kept: more than anybody scrolls through, few enough to be drawn at once. */
const ROWS = 200;
/** Events a second that are sent to be shown; the others are counted. */
const SHOWN = 50;
/** Milliseconds between two drawings. */
const DRAWN = 250;
const EVERYTHING = '#';

/** What a reader has to know about the feed. @typedef {'opening' | 'live' | 'away' | { code: string, message: string }} FeedState */

/** @param {string} types as in the address @returns {{ tail: Tail, state: FeedState }} */
function useTail(types) {
  const tail = useMemo(() => new Tail(ROWS), [types]);
  const [state, setState] = useState(/** @type {FeedState} */ ('opening'));
  const [, draw] = useReducer(count => count + 1, 0);
  useEffect(() => {
    setState('opening');
    let lost = false;
    const end = listen(patterns(types), SHOWN, {
      events: events => tail.add(events, Date.now()),
      skipped: count => tail.skip(count, Date.now()),
      live: () => {
        if (lost) tail.gap('connected again');
        setState('live');
      },
      refused: setState,
      away: () => {
        lost = true;
        setState('away');
      },
    });
    const timer = setInterval(draw, DRAWN);
    return () => {
      clearInterval(timer);
      end();
    };
  }, [tail, types]);
  return { tail, state };
}
