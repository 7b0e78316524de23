//! The bounds of what one service, or one peer, may use of the hub, and of
//! what operators may have of it.
//!
//! Declared once: the configuration, the refusals and `/v1/limits` are derived from it.

/// A bound that an operator may move.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Bodies of requests that are read or worked on.
    BodyBytes,
    /// Answers that are made or not yet taken.
    AnswerBytes,
    /// Messages over sockets of which the end has not come yet.
    UnfinishedBytes,
    /// Past events on their way from the archive to callbacks.
    ReplayBytes,
    /// The metadata of one instance.
    MetadataBytes,
    /// One registration, its metadata included.
    RegistrationBytes,
    /// Instances of one service that are registered.
    InstancesPerService,
    /// Subscriptions of one service: its callbacks, and the named ones of its sockets.
    SubscriptionsPerService,
    /// Patterns of all subscriptions of one service together.
    PatternsPerService,
    /// Replays to one subscription that are not done.
    ReplaysPerSubscription,
    /// Open sockets of one service.
    SocketsPerService,
    /// Redrive jobs of the hub that are not finished.
    RedriveJobs,
    /// Quotas of the hub that were set over the API.
    Quotas,
}

/// What a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitSubject {
    /// The bytes of all peers together, of which each has at most half.
    Shared,
    /// The bytes of one thing.
    Bytes,
    /// Things of one owner, or of the hub.
    Things,
}

const MIB: u64 = 1 << 20;

impl Limit {
    /// All there are; each stands where [`Limits`] keeps its value.
    pub const ALL: [Self; 13] = [
        Self::BodyBytes,
        Self::AnswerBytes,
        Self::UnfinishedBytes,
        Self::ReplayBytes,
        Self::MetadataBytes,
        Self::RegistrationBytes,
        Self::InstancesPerService,
        Self::SubscriptionsPerService,
        Self::PatternsPerService,
        Self::ReplaysPerSubscription,
        Self::SocketsPerService,
        Self::RedriveJobs,
        Self::Quotas,
    ];

    /// As in the configuration and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::BodyBytes => "body_bytes",
            Self::AnswerBytes => "answer_bytes",
            Self::UnfinishedBytes => "unfinished_bytes",
            Self::ReplayBytes => "replay_bytes",
            Self::MetadataBytes => "metadata_bytes",
            Self::RegistrationBytes => "registration_bytes",
            Self::InstancesPerService => "instances_per_service",
            Self::SubscriptionsPerService => "subscriptions_per_service",
            Self::PatternsPerService => "patterns_per_service",
            Self::ReplaysPerSubscription => "replays_per_subscription",
            Self::SocketsPerService => "sockets_per_service",
            Self::RedriveJobs => "redrive_jobs",
            Self::Quotas => "quotas",
        }
    }

    /// The opposite of [`Limit::name`], letter for letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// What its number means.
    pub fn counts(self) -> LimitSubject {
        match self {
            Self::BodyBytes | Self::AnswerBytes | Self::UnfinishedBytes | Self::ReplayBytes => {
                LimitSubject::Shared
            }
            Self::MetadataBytes | Self::RegistrationBytes => LimitSubject::Bytes,
            _ => LimitSubject::Things,
        }
    }

    /// The least, the usual and the most it may be set to. What is shared has room for two of the
    /// largest that one may want at once; a registration is never larger than any body.
    fn values(self) -> (u64, u64, u64) {
        match self {
            Self::BodyBytes | Self::AnswerBytes => (64 * MIB, 256 * MIB, 2048 * MIB),
            Self::UnfinishedBytes | Self::ReplayBytes => (4 * MIB, 64 * MIB, 2048 * MIB),
            Self::MetadataBytes => (0, 16 << 10, MIB),
            Self::RegistrationBytes => (1 << 10, 64 << 10, MIB),
            Self::InstancesPerService => (1, 1000, 100_000),
            Self::SubscriptionsPerService => (1, 1000, 1_000_000),
            Self::PatternsPerService => (1, 20_000, 10_000_000),
            Self::ReplaysPerSubscription => (1, 4, 1000),
            Self::SocketsPerService => (1, 1000, 1_000_000),
            Self::RedriveJobs => (1, 100, 10_000),
            Self::Quotas => (1, 10_000, 1_000_000),
        }
    }

    /// The least that an operator may set.
    pub fn least(self) -> u64 {
        self.values().0
    }

    /// What holds where the configuration says nothing.
    pub fn usual(self) -> u64 {
        self.values().1
    }

    /// The most that an operator may set.
    pub fn most(self) -> u64 {
        self.values().2
    }
}

/// All limits as they hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits([u64; Limit::ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::ALL.map(Limit::usual))
    }
}

impl Limits {
    /// Whoever reads the configuration has checked that `most` is within the bounds of this limit.
    pub fn set(&mut self, limit: Limit, most: u64) {
        self.0[limit as usize] = most;
    }

    /// What holds, in bytes or in things as [`Limit::counts`] says.
    pub fn of(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// As [`Limits::of`], of what is counted in memory.
    pub fn size(&self, limit: Limit) -> usize {
        usize::try_from(self.of(limit)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_name_and_a_place_of_its_own() {
        let mut limits = Limits::default();
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place);
            assert_eq!(Limit::from_name(limit.name()), Some(limit));
            assert!((limit.least()..=limit.most()).contains(&limit.usual()));
            assert_eq!(limits.of(limit), limit.usual());
            limits.set(limit, 7);
        }
        assert!(Limit::ALL.into_iter().all(|limit| limits.of(limit) == 7));
        assert_eq!(Limit::from_name("max"), None);
    }
}
