//! What becomes of an ordering key whose message failed.

/// Whether the messages behind a dead letter with the same ordering key go on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OrderingOnFailure {
    /// The next message of the key goes as if the dead one were delivered.
    #[default]
    Continue,
    /// The key waits until the dead letter is reprocessed or deleted.
    Hold,
}

impl OrderingOnFailure {
    /// All choices there are, for reading names.
    pub const ALL: [Self; 2] = [Self::Continue, Self::Hold];

    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Hold => "hold",
        }
    }

    /// The opposite of [`OrderingOnFailure::name`], letter for letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}
