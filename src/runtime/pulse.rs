//! The pulse of the hub's threads: whether it listens, and whether the system's clock was set.

use std::sync::Arc;
use std::time::Duration;

use actix::Recipient;

use crate::actors::messages::ClockSet;
use crate::clock::Clock;
use crate::domain::moment::NOTEWORTHY_STEP_MS;
use crate::metrics::Metrics;

/// Between two pulses of a thread.
const BEAT: Duration = Duration::from_millis(100);

/// Begins the pulse of this thread. Until it ends, time passes only while it is given.
pub(super) fn begin(clock: Clock, metrics: Arc<Metrics>) {
    let pulse = clock.pulse();
    actix::spawn(async move {
        loop {
            tokio::time::sleep(BEAT).await;
            let pause = pulse.beat();
            if !pause.is_zero() {
                metrics.time.count_pause(pause);
                tracing::warn!(
                    ?pause,
                    "the hub stood still: for so long it heard nobody, and nobody's silence counts"
                );
            }
        }
    });
}

/// Watches the system's clock, and tells when it was set.
pub(super) fn watch_clock(clock: Clock, followers: [Recipient<ClockSet>; 2]) {
    actix::spawn(async move {
        let mut told = 0;
        loop {
            tokio::time::sleep(BEAT).await;
            let step = clock.take_step();
            // Whoever keeps both clocks apart has to know of a pause, too.
            let ahead = clock.moment().hub_ahead();
            if step == 0 && (ahead - told).abs() < NOTEWORTHY_STEP_MS {
                continue;
            }
            told = ahead;
            for follower in &followers {
                follower.do_send(ClockSet);
            }
            if step.abs() >= NOTEWORTHY_STEP_MS {
                let seconds = step as f64 / 1000.0;
                tracing::warn!(
                    seconds,
                    "the system's clock was set, or the machine slept: times of the calendar follow \
                     it at once, whatever waits for a time to pass is not touched"
                );
            }
        }
    });
}
