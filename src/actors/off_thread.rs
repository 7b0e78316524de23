//! Work that blocks, on a thread of the runtime's pool.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::spawn_blocking;

/// What `work` gives; an error if it panicked, or if the system has no thread for it now, which
/// passes: the pool panics then, and whoever asked would wait for ever.
pub(super) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let begun = catch_unwind(AssertUnwindSafe(|| spawn_blocking(work)));
    let begun = begun.map_err(|_| io::Error::other("the system has no thread for it now"))?;
    begun.await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn gives_the_result_or_says_that_there_is_none() {
        assert_eq!(run(|| 2).await.unwrap(), 2);
        let panicked = run::<u32>(|| panic!("as asked")).await;
        assert!(panicked.unwrap_err().to_string().contains("panicked"));
    }
}
