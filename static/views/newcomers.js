// How many messages have come since a list was asked for: they wait until the reader wants them.
import { useEffect, useState } from '../lib/html.js';
import { session } from '../lib/api.js';
import { watch } from '../lib/socket.js';

/** @param {number | undefined} at when the list came @returns {number} messages that the hub has accepted since, of whatever kind */
export function useAcceptedSince(at) {
  const [come, setCome] = useState(0);
  useEffect(() => {
    setCome(0);
    if (at === undefined || session.get()?.role === 'service') return undefined;
    /** @type {number | null} */
    let first = null;
    return watch({
      overview: true,
      hear(frame) {
        if (frame.type !== 'overview_changed' || frame.totals === undefined) return;
        first ??= frame.totals.accepted;
        setCome(frame.totals.accepted - /** @type {number} */ (first));
      },
    });
  }, [at]);
  return come;
}
