// Figures as they can be drawn, and how what comes each second continues them.

/** So long a time is drawn, in seconds. */
export const HOUR = 3600;
/** A value of these is so much a second, so those of one step are averaged; of the others the last holds. */
const RATES = new Set(['accepted', 'delivered', 'failed', 'dead', 'expired', 'cancelled', 'refused', 'events', 'event_deliveries', 'cpu']);

/**
 * @typedef {object} Figures
 * @property {number[]} times in seconds since 1970, as many as each series has values
 * @property {Record<string, (number | null)[]>} series
 * @property {number} step seconds between two times
 * @property {number} parts so many samples the last value is made of
 */

/** @param {{ step: number, from: string, series: Record<string, (number | null)[]> }} answer of `/v1/stats` @returns {Figures} */
export function figuresOf({ step, from, series }) {
  const begin = Date.parse(from) / 1000;
  const length = Object.values(series)[0]?.length ?? 0;
  return { times: Array.from({ length }, (_, i) => begin + i * step), series, step, parts: 1 };
}

/** @param {number | null} held @param {number | null} value @param {number} parts that `held` is made of */
function mean(held, value, parts) {
  if (held === null || value === null) return value ?? held;
  return held + (value - held) / (parts + 1);
}

/**
 * One more sample: a part of the last step, or a step of its own. What is older than an hour is left out, so that a page which is
 * open for days holds no more than one that was just opened.
 * @param {Figures} figures @param {string} at @param {Record<string, number | null>} sample @returns {Figures}
 */
export function continued({ times, series, step, parts }, at, sample) {
  const time = Date.parse(at) / 1000;
  const last = times.length - 1;
  if (last >= 0 && time <= times[last]) return { times, series, step, parts };
  const isPart = last >= 0 && time < times[last] + step;
  const old = times.findIndex(one => one > time - HOUR);
  const from = isPart ? 0 : old < 0 ? times.length : old;
  const grown = Object.entries(series).map(([name, values]) => {
    const value = sample[name] ?? null;
    if (!isPart) return [name, [...values.slice(from), value]];
    return [name, [...values.slice(0, -1), RATES.has(name) ? mean(values[last], value, parts) : value]];
  });
  return { times: isPart ? times : [...times.slice(from), time], series: Object.fromEntries(grown), step, parts: isPart ? parts + 1 : 1 };
}
