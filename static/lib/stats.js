// The figures of the last hour, and what comes each second while somebody looks.
import { useEffect, useState } from './html.js';
import { continued, figuresOf, HOUR } from './figures.js';
import { useAnswer } from './load.js';
import { connection, watch } from './socket.js';
import { now } from './time.js';

const anHourAgo = () => new Date(now() - HOUR * 1000).toISOString();

/** The last hour, then live; asked again when the hub was not heard meanwhile. */
export function useStats() {
  const [since, look] = useState(anHourAgo);
  const answer = useAnswer('/v1/stats', { since }, { read: figuresOf });
  const { amend } = answer;
  useEffect(() => watch({
    stats: true,
    hear(frame) {
      if (frame.type === 'stats') amend(held => held && continued(held, frame.at, frame.sample));
    },
  }), [amend]);
  useEffect(() => {
    let before = connection.get();
    return connection.subscribe(() => {
      const is = connection.get();
      if (is.live && !before.live && before.everLive) look(anHourAgo());
      before = is;
    });
  }, []);
  return answer;
}
