// How uPlot draws for this page: its colours, its times, its units. A module of its own, so that views are there before it is.
import drawer from '../vendor/uplot.js';
import { shown, span, timeMode } from './time.js';

/** What others wrote has no types of ours. @type {any} */
const UPlot = drawer;

/** @typedef {import('./chart.js').Line} Line */
/**
 * @typedef {object} Drawn
 * @property {Line[]} lines
 * @property {(value: number) => string} format
 * @property {boolean} [log]
 * @property {boolean} [whole] there is nothing between one and two of them
 * @property {boolean} [stacked] the first line lies at the bottom
 * @property {string} [together] charts of one word have one cursor
 * @property {number} height
 * @property {number} least so many seconds are shown, if less was measured, too
 * @property {(index: number | null) => void} at where the cursor is
 */

/** What may lie between two lines of a scale that counts. */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map(first => first * 10 ** power)).flat();
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 4]];

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The strokes of a line in a legend. @param {number} index */
export const dashes = index => DASHES[index % DASHES.length].join(' ');

/** Labels of times: relative ones count back from the last. @param {number[]} splits @param {number | undefined} last */
function timeLabels(splits, last) {
  const mode = timeMode.get();
  if (mode === 'relative') return splits.map(at => (last === undefined || at >= last ? 'now' : `−${span(last - at)}`));
  const end = splits.length > 1 && splits[1] - splits[0] < 60 ? undefined : -3;
  return splits.map(at => shown(new Date(at * 1000).toISOString(), mode).slice(-8, end));
}

/** Of a logarithmic scale only the powers of ten have a line. @param {number} value */
const decade = value => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? value : null);

/** @param {Drawn} drawn @param {number} width @returns {any} */
function options({ lines, format, log, stacked, whole, together, height, least, at }, width) {
  const quiet = { stroke: () => color('--muted'), grid: { stroke: () => color('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return {
    width, height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, ...(together ? { sync: { key: together } } : {}) },
    scales: {
      x: { range: (_, from, to) => (to === null ? [0, least] : [Math.min(from, to - least), to]) },
      y: log ? { distr: 3 } : { range: (_, from, to) => [Math.min(0, from ?? 0), Math.max((to ?? 0) * 1.1, whole ? 4 : 0) || 1] },
    },
    axes: [
      { ...quiet, values: (plot, splits) => timeLabels(splits, plot.data[0].at(-1)), space: 64, size: 28 },
      { ...quiet, grid: { ...quiet.grid, filter: (_, splits) => (log ? splits.map(decade) : splits) }, values: (_, splits) => splits.map(value => (value === null ? '' : format(value))), space: 28, size: 52, ...(whole ? { incrs: WHOLE } : {}) },
    ],
    series: [{}, ...lines.map((line, i) => ({
      label: line.label, width: 1.5, points: { show: false }, dash: stacked ? [] : DASHES[i % DASHES.length],
      stroke: () => color(`--line-${i + 1}`), fill: stacked ? () => `${color(`--line-${i + 1}`)}66` : undefined,
    }))],
    bands: stacked ? lines.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })) : [],
    hooks: { setCursor: [plot => at(plot.cursor.left < 0 ? null : plot.cursor.idx ?? null)] },
  };
}

/** What is drawn of what was measured. @param {Drawn} drawn @param {number[]} times @param {Record<string, (number | null)[]>} series */
function columns({ lines, log, stacked }, times, series) {
  const values = lines.map(({ name }) => series[name] ?? []);
  if (log) return [times, ...values.map(column => column.map(value => (value === null || value <= 0 ? null : value)))];
  if (!stacked) return [times, ...values];
  let below = times.map(() => 0);
  return [times, ...values.map(column => {
    const sums = column.map((value, i) => (value === null ? null : value + below[i]));
    below = sums.map((sum, i) => sum ?? below[i]);
    return sums;
  })];
}

/** Draws in an element as long as that is there; as wide as it is, in the colours of the theme. @param {HTMLElement} place @param {Drawn} drawn */
export function plot(place, drawn) {
  const chart = new UPlot(options(drawn, place.clientWidth || 300), [[], ...drawn.lines.map(() => [])], place);
  const draw = () => chart.redraw();
  const sized = new ResizeObserver(() => place.clientWidth > 0 && chart.setSize({ width: place.clientWidth, height: drawn.height }));
  sized.observe(place);
  const themed = new MutationObserver(draw);
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', draw);
  const timed = timeMode.subscribe(draw);
  return {
    /** @param {number[]} times @param {Record<string, (number | null)[]>} series */
    show: (times, series) => chart.setData(columns(drawn, times, series)),
    /** @param {number} index */
    point(index) {
      const left = chart.valToPos(chart.data[0][index], 'x');
      chart.setCursor({ left, top: 0 }, true, true);
    },
    end() {
      sized.disconnect();
      themed.disconnect();
      scheme.removeEventListener('change', draw);
      timed();
      chart.destroy();
    },
  };
}
