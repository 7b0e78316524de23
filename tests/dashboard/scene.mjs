// A hub with something in every view: services that do well and badly, messages in every state, dead letters, events.
import { Receiver, TestHub, until } from './hub.mjs';

const FAST = 'base_retry_delay: 0.1\nmax_retry_delay: 0.2\nmax_retry_attempts: 2\ncircuit_breaker_reset_timeout: 600\nmin_check_interval: 0.1\n';
export const HOSTILE = '{"html":"<img src=x onerror=alert(1)></script>","turned":"a\\u202eb\u202ec","large":12345678901234567890,"huge":1e400,"twice":1,"twice":2}';

/** @param {string} config more lines of it @param {Record<string, string>} [caller] as whom it is set */
export async function scene(config = '', caller) {
  const hub = await TestHub.start(FAST + config, caller);
  const good = await Receiver.start(200);
  const bad = await Receiver.start(503);
  const picky = await Receiver.start(422);
  const stop = async () => {
    for (const receiver of [good, bad, picky]) receiver.stop();
    await hub.stop();
  };
  try {
    return { hub, good, bad, picky, stop, ...await fill(hub, { good, bad, picky }) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fill(hub, { good, bad, picky }) {
  await hub.register('billing', good.url);
  await hub.register('guild', picky.url);
  await hub.register('printer', bad.url);
  await hub.post('/v1/services/register', { service: 'scanner', instance_id: 'one' });
  await hub.sendMany('billing', 20, { correlation_id: 'order-7' });
  await hub.sendMany('guild', 3, { correlation_id: 'order-8' });
  const hostile = await hub.send('billing', HOSTILE);
  const parked = await hub.send('scanner', '{"page":1}', { correlation_id: 'order-7' });
  await hub.send('scanner', '{"page":2}', { deliver_at: new Date(Date.now() + 3_600_000).toISOString() });
  await hub.sendMany('printer', 12);
  for (let level = 1; level <= 30; level += 1) {
    await hub.publish('character.levelled', `{"level":${level},"experience":12345678901234567890}`, { stream_id: 'character-7', correlation_id: 'order-7' });
  }
  await hub.publish('order.paid', HOSTILE, { correlation_id: 'order-7' });
  const types = ['character.*'];
  const { subscription_id: failing } = await hub.post('/v1/subscriptions', { service: 'guild', event_types: types, callback_url: `${bad.url}/events`, from_sequence: 1 });
  await hub.post('/v1/subscriptions', { service: 'billing', event_types: types, callback_url: `${good.url}/events`, from_sequence: 1 });
  await hub.call('PUT', '/v1/quotas/printer', { send_rate: 100, max_in_flight: 20 });
  const died = async () => (await hub.get('/v1/dlq?destination=guild')).dead_letters;
  await until('dead letters of guild', async () => (await died()).length >= 3);
  await until('an open circuit', async () => (await hub.get('/v1/circuits/printer')).state === 'OPEN');
  const { job } = await hub.post('/v1/dlq/redrive', { filter: { destination: 'guild' } });
  await until('the end of the job', async () => (await hub.get(`/v1/dlq/redrive/${job}`)).status !== 'running');
  // Those of events are other ones each time, so only a message's is sure to stay.
  const letter = await until('a message that died again', async () => (await died()).find(one => one.redriven > 0 && one.event_id === undefined));
  const { events: [event] } = await hub.get('/v1/events?event_type=order.paid');
  return { hostile, parked, failing, job, letter: letter.id, event: event.id };
}

/** Every view by its address. */
export function views(scene) {
  return {
    overview: '/', services: '/services', service: '/services/printer',
    messages: '/messages', message: `/messages/${scene.parked}`,
    groups: '/dead', letters: '/dead/letters', jobs: '/dead/jobs', letter: `/dead/${scene.letter}`,
    tail: '/events', search: '/events/search', event: `/events/${scene.event}`, streams: '/events/streams', stream: '/events/streams?stream=character-7',
    conversation: '/events/conversation?id=order-7', subscriptions: '/subscriptions', subscription: `/subscriptions/${scene.failing}`, hub: '/hub',
  };
}
