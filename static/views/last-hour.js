// Four charts of the last hour, which then go on live.
import { html } from '../lib/html.js';
import { Chart } from '../lib/chart.js';
import { Loading, number } from '../lib/parts.js';
import { useStats } from '../lib/stats.js';
import { span } from '../lib/time.js';

/** As short as it can be said beside an axis. @param {number} value */
export function short(value) {
  if (value >= 10_000) return value.toLocaleString('en-US', { notation: 'compact', maximumFractionDigits: 1 });
  return Number.isInteger(value) || value >= 100 ? number(Math.round(value)) : value.toFixed(value < 10 ? 2 : 1);
}

const CHARTS = [
  {
    title: 'Messages a second', format: short,
    lines: [{ name: 'accepted', label: 'accepted' }, { name: 'delivered', label: 'delivered' }, { name: 'failed', label: 'failed attempts' }],
  },
  {
    title: 'Waiting by priority', format: short, stacked: true, whole: true,
    lines: ['critical', 'high', 'normal', 'low', 'deferred'].map(level => ({ name: `depth_${level}`, label: level })),
  },
  {
    title: 'Time to deliver', format: span, log: true,
    lines: [{ name: 'settle_p50', label: 'half within' }, { name: 'settle_p99', label: '99 % within' }, { name: 'push_p99', label: '99 % of attempts within' }],
  },
  {
    title: 'Dead letters and retries', format: short, whole: true,
    lines: [{ name: 'dead_letters', label: 'dead letters' }, { name: 'retrying', label: 'between two attempts' }],
  },
];

export function LastHour() {
  const answer = useStats();
  const { value } = answer;
  return html`<${Loading} of=${answer}>${value && html`<div class="charts">${CHARTS.map(chart => html`<${Chart} key=${chart.title} ...${chart} times=${value.times} series=${value.series} together="overview" />`)}</div>`}<//>`;
}
