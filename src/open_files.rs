//! How many files, and so connections, the operating system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many open files, and so connections, as this process may have at all; gives how many. `None`
/// is without bound.
pub fn allow_many() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
    getrlimit(Resource::Nofile).current
}
