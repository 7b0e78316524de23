//! How much instances can take.

/// What some instances can take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Capacity {
    /// Messages at once, with nothing in flight.
    pub full: u32,
    /// How many more beside what each of them has in flight.
    pub free: u32,
}
