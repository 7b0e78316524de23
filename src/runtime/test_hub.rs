//! The hub in process, without a socket: the whole ring on a journal and an archive in memory, and
//! the application in front of it. What the application does is tested here, whoever speaks to it.

use std::sync::Arc;

use uuid::Uuid;

use super::ring::{Ring, Running, Shared};
use crate::actors::archivist::FoundArchive;
use crate::adapters::archive_memory::MemoryArchive;
use crate::adapters::journal_memory::MemoryDisk;
use crate::adapters::tls::Trust;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::HubId;
use crate::hub::Hub;
use crate::logic::writer::Author;
use crate::metrics::Metrics;
use crate::phase::{CurrentPhase, Phase};

/// A hub that is open. Its journal's thread ends with it.
pub(crate) struct TestHub {
    pub hub: Arc<Hub>,
    pub archive: Arc<MemoryArchive>,
    running: Running,
}

impl TestHub {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// One whose configuration is not the usual.
    pub(crate) async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        let nothing: [(&str, &str); 0] = [];
        let mut config = Config::load(None, nothing).unwrap().config;
        configure(&mut config);
        let phase = CurrentPhase::default();
        let author = Author {
            hub: HubId(Uuid::from_u128(1)),
            epoch: 1,
            earlier: Arc::new([]),
        };
        let archive = Arc::new(MemoryArchive::default());
        let (ring, pending) = Ring::new(
            &config,
            Trust::new(None).unwrap(),
            Clock::start(),
            Arc::new(Metrics::new()),
            (archive.clone(), author),
            Shared::new(&config),
        );
        let hub = Arc::new(Hub::new(&config, ring.surroundings(&phase)));
        let journal = MemoryDisk::default().journal();
        let started = ring.start(pending, journal, Ok(FoundArchive::default()));
        let running = started.await.unwrap();
        phase.set(Phase::Open);
        Self {
            hub,
            archive,
            running,
        }
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.running.journal_thread.stop();
    }
}
