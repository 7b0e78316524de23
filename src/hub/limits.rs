//! What one client may use of the hub, what there may be of it at all, and what is used.

use super::Hub;
use super::access::Operation;
use super::error::HubError;
use super::request::RequestContext;
use crate::actors::messages::dead_letters::InspectRedrives;
use crate::actors::messages::registry::CountInstances;
use crate::actors::messages::router::InspectQuotas;
use crate::actors::messages::subscriptions::{InspectUsage, ServiceUsage};
use crate::logic::limits::Limit;
use crate::logic::quotas::Source;
use crate::pool::{Peer, Pool};

/// An operator sees those that use most, so many of them.
const LARGEST: usize = 10;

/// A limit, and how much of it is used.
pub struct LimitUse {
    /// Which one.
    pub limit: Limit,
    /// What it allows.
    pub most: u64,
    /// What one peer may have of it at a time; `None`: of each there may be `most`.
    pub share: Option<u64>,
    /// What the caller uses of it, or, of what belongs to nobody, how much there is: `None` for who
    /// may not see that, and of what bounds one thing.
    pub used: Option<u64>,
    /// Those that use most of it; `None` for who may not see that, and where nobody is counted.
    pub largest: Option<Vec<PeerUsage>>,
}

/// How much somebody uses of a limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerUsage {
    /// A service, or the address its requests come from if it need not show a key.
    pub peer: String,
    /// In what the limit counts.
    pub used: u64,
}

/// How much there is of what operators make, and of which there may be so much for all together.
struct OfAll {
    redrive_jobs: usize,
    quotas: usize,
}

impl OfAll {
    fn of(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::RedriveJobs => Some(self.redrive_jobs as u64),
            Limit::Quotas => Some(self.quotas as u64),
            _ => None,
        }
    }
}

/// What is used of the limits by services.
struct Usage {
    instances: Vec<PeerUsage>,
    subscriptions: Vec<ServiceUsage>,
}

impl Usage {
    fn of(&self, limit: Limit) -> Option<Vec<PeerUsage>> {
        let of_each = |count: fn(&ServiceUsage) -> usize| {
            let each = self.subscriptions.iter();
            each.map(|one| PeerUsage {
                peer: one.service.to_string(),
                used: count(one) as u64,
            })
            .collect()
        };
        match limit {
            Limit::InstancesPerService => Some(self.instances.clone()),
            Limit::SubscriptionsPerService => Some(of_each(|one| one.subscriptions)),
            Limit::PatternsPerService => Some(of_each(|one| one.patterns)),
            Limit::ReplaysPerSubscription => Some(of_each(|one| one.replays)),
            _ => None,
        }
    }
}

impl Hub {
    /// All limits, with what the caller uses of them; who may see that is told who uses most.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn limits(&self, context: &RequestContext<'_>) -> Result<Vec<LimitUse>, HubError> {
        let principal = context.principal;
        let sees_all = principal.may(Operation::SeeUsage).is_ok();
        let usage = self.usage(context).await?;
        let of_all = match sees_all {
            true => Some(self.of_all().await?),
            false => None,
        };
        let address = context.peer.map(|peer| peer.ip());
        let peer = self.counted_for(principal, address);
        let me = principal.name.as_ref().map(ToString::to_string);
        let one = |limit: Limit| {
            let pool = self.pool(limit);
            let uses = usage.of(limit);
            let of_all = of_all.as_ref().and_then(|all| all.of(limit));
            let used = match pool {
                Some(pool) => Some(pool.used_by(&peer) as u64),
                None if of_all.is_some() => of_all,
                None => uses.as_ref().map(|uses| used_by(uses, me.as_deref())),
            };
            let largest = match pool {
                Some(pool) => Some(largest_of(pool)),
                None => uses.map(largest),
            };
            LimitUse {
                limit,
                most: self.settings.limits.of(limit),
                share: pool.map(|pool| pool.share() as u64),
                used,
                largest: largest.filter(|_| sees_all),
            }
        };
        Ok(Limit::ALL.map(one).into())
    }

    async fn usage(&self, context: &RequestContext<'_>) -> Result<Usage, HubError> {
        let service = context.principal.sees_only();
        let inspect = InspectUsage {
            service: service.clone(),
        };
        let subscriptions = self.clients.subscriptions.query(inspect).await?;
        let count = CountInstances { service };
        let instances = self.clients.registry.query(count).await?.into_iter();
        let instances = instances.map(|(service, count)| PeerUsage {
            peer: service.to_string(),
            used: count as u64,
        });
        Ok(Usage {
            instances: instances.collect(),
            subscriptions,
        })
    }

    async fn of_all(&self) -> Result<OfAll, HubError> {
        let jobs = InspectRedrives { job: None };
        let jobs = self.clients.dead_letters.query(jobs).await?;
        let quotas = InspectQuotas { service: None };
        let quotas = self.clients.router.query(quotas).await?;
        let unfinished = jobs.iter().filter(|job| !job.status.is_finished());
        let set = quotas.iter().filter(|view| view.source == Source::Api);
        Ok(OfAll {
            redrive_jobs: unfinished.count(),
            quotas: set.count(),
        })
    }

    /// Where it is counted, if that is by peers.
    fn pool(&self, limit: Limit) -> Option<&Pool> {
        match limit {
            Limit::BodyBytes => Some(self.bodies.pool()),
            Limit::AnswerBytes => Some(self.readings.room()),
            Limit::UnfinishedBytes => Some(&self.unfinished),
            Limit::ReplayBytes => Some(&self.replays),
            Limit::SocketsPerService => Some(&self.sockets),
            _ => None,
        }
    }
}

fn used_by(uses: &[PeerUsage], name: Option<&str>) -> u64 {
    let mine = uses.iter().find(|one| Some(one.peer.as_str()) == name);
    mine.map_or(0, |one| one.used)
}

fn largest_of(pool: &Pool) -> Vec<PeerUsage> {
    let peers = pool.largest(LARGEST).into_iter();
    let uses = peers.map(|(peer, used): (Peer, usize)| PeerUsage {
        peer: peer.to_string(),
        used: used as u64,
    });
    largest(uses.collect())
}

fn largest(mut uses: Vec<PeerUsage>) -> Vec<PeerUsage> {
    uses.retain(|one| one.used > 0);
    uses.sort_by(|one, other| (other.used, &one.peer).cmp(&(one.used, &other.peer)));
    uses.truncate(LARGEST);
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(peer: String, used: u64) -> PeerUsage {
        PeerUsage { peer, used }
    }

    #[test]
    fn those_that_use_most_come_first() {
        let uses: Vec<_> = (0..20).map(|n| usage(format!("s{n:02}"), n % 12)).collect();
        let shown = largest(uses.clone());
        assert_eq!(shown.len(), LARGEST);
        assert_eq!(shown[0], usage("s11".to_owned(), 11));
        assert_eq!(shown[4], usage("s07".to_owned(), 7));
        assert_eq!(shown[5], usage("s19".to_owned(), 7));
        assert!(largest(vec![usage("idle".to_owned(), 0)]).is_empty());
        assert_eq!((used_by(&uses, Some("s03")), used_by(&uses, None)), (3, 0));
    }
}
