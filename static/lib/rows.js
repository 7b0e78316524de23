// Rows of services as the hub sends them each second: cells change in place, the order holds.
import { useEffect, useRef, useState } from './html.js';
import { connection, watch } from './socket.js';
import { now } from './time.js';

/** So many the hub follows for one socket. */
export const FOLLOWED = 200;

/**
 * @param {any[]} rows of `/v1/overview/services`, as they were asked for
 * @returns {any[]} the same, the first of them as they are now; with `removed` if nothing is left of a service
 */
export function useLiveRows(rows) {
  const names = rows.slice(0, FOLLOWED).map(row => row.service);
  const [changes, setChanges] = useState(/** @type {Record<string, any>} */ ({}));
  const of = JSON.stringify(names);
  useEffect(() => {
    setChanges({});
    if (names.length === 0) return undefined;
    const followed = new Set(names);
    return watch({
      services: names,
      hear({ type, ...change }) {
        if (type !== 'service_changed' || !followed.has(change.service)) return;
        setChanges(now => ({ ...now, [change.service]: { ...now[change.service], removed: false, ...change } }));
      },
    });
  }, [of]);
  return rows.map(row => (row.service in changes ? { ...row, ...changes[row.service] } : row));
}

/** Rates are drawn of the last ten minutes at most. */
const MOST = 600;

/** The rates of a row, second by second since the page looks; while the hub is not heard nobody knows. @param {any} row */
export function useRates(row) {
  const newest = useRef(row);
  newest.current = row;
  const [drawn, setDrawn] = useState({ times: /** @type {number[]} */ ([]), series: /** @type {Record<string, (number | null)[]>} */ ({ in_rate: [], out_rate: [], fail_rate: [] }) });
  useEffect(() => {
    const timer = setInterval(() => {
      const known = connection.get().live && newest.current;
      setDrawn(({ times, series }) => ({
        times: [...times, Math.floor(now() / 1000)].slice(-MOST),
        series: Object.fromEntries(Object.entries(series).map(([name, values]) => [name, [...values, known ? newest.current[name] : null].slice(-MOST)])),
      }));
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return drawn;
}
