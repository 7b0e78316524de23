//! Whether memory may come in huge pages.
//!
//! They save a hub at work a tenth of its time, and make an idle one twice as large: each thread's
//! first few kilobytes take 2 MiB. So there are none until there is work.

use rustix::thread::disable_transparent_huge_pages;

/// From now on, memory that is touched for the first time comes in ordinary pages.
pub(super) fn avoid() {
    set(true);
}

/// From now on, memory may come in huge pages, as far as the system gives any.
pub(super) fn allow() {
    set(false);
}

fn set(is_disabled: bool) {
    if let Err(error) = disable_transparent_huge_pages(is_disabled) {
        tracing::debug!(%error, "huge pages stay as they are");
    }
}
