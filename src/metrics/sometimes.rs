//! Numbers that nobody may know for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// A gauge that is shown only while its value is known.
#[derive(Clone)]
pub struct Sometimes {
    gauge: IntGauge,
    is_known: Arc<AtomicBool>,
}

impl Sometimes {
    pub(super) fn new(gauge: IntGauge) -> Self {
        Self {
            gauge,
            is_known: Arc::default(),
        }
    }

    pub fn set(&self, value: Option<i64>) {
        if let Some(value) = value {
            self.gauge.set(value);
        }
        self.is_known.store(value.is_some(), Ordering::Relaxed);
    }

    pub fn get(&self) -> Option<i64> {
        let is_known = self.is_known.load(Ordering::Relaxed);
        is_known.then(|| self.gauge.get())
    }
}

impl Collector for Sometimes {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if self.get().is_some() {
            self.gauge.collect()
        } else {
            Vec::new()
        }
    }
}
