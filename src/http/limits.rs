//! `/v1/limits`: what one client may use of the hub, what there may be of it at all, and what is
//! used.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::principal;
use super::peer;
use super::routing::{self, Routes};
use crate::actors::messages::dead_letters::InspectRedrives;
use crate::actors::messages::registry::CountInstances;
use crate::actors::messages::router::InspectQuotas;
use crate::actors::messages::subscriptions::{InspectUsage, ServiceUsage};
use crate::hub::Hub;
use crate::hub::error::HubError;
use crate::logic::limits::Limit;
use crate::logic::quotas::Source;
use crate::pool::{Peer, Pool};

/// An operator sees those that use most, so many of them.
const LARGEST: usize = 10;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.at("/v1/limits", "GET", [routing::get(all)]);
}

/// All limits.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(crate) struct Answer {
    limits: Vec<LimitAnswer>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitAnswer {
    /// As in the configuration, and in `details.limit` of an error.
    limit: &'static str,
    /// What it allows: bytes if its name says so, else a number.
    most: u64,
    /// What one peer may have of it at a time; null: of each there may be `most`.
    share: Option<u64>,
    /// What the caller uses of it, or, of what belongs to nobody, how much there is: null for who is
    /// no operator. Null, too, if it bounds one thing, such as one registration.
    used: Option<u64>,
    /// Those that use most of it. Only for operators; else, and where nobody is counted, null.
    largest: Option<Vec<PeerUse>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PeerUse {
    /// A service, or the address its requests come from if it need not show a key.
    peer: String,
    used: u64,
}

/// How much there is of what operators make, and of which there may be so much for all together.
struct OfAll {
    redrive_jobs: usize,
    quotas: usize,
}

impl OfAll {
    async fn now(hub: &Hub) -> Result<Self, HubError> {
        let jobs = hub
            .clients
            .dead_letters
            .query(InspectRedrives { job: None })
            .await?;
        let quotas = hub
            .clients
            .router
            .query(InspectQuotas { service: None })
            .await?;
        let unfinished = jobs.iter().filter(|job| !job.status.is_finished());
        let set = quotas.iter().filter(|view| view.source == Source::Api);
        Ok(Self {
            redrive_jobs: unfinished.count(),
            quotas: set.count(),
        })
    }

    fn of(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::RedriveJobs => Some(self.redrive_jobs as u64),
            Limit::Quotas => Some(self.quotas as u64),
            _ => None,
        }
    }
}

/// Who uses how much of a limit.
type Uses = Vec<(String, u64)>;

/// The limits of one client
///
/// What one client may use of the hub, and what the caller uses now; beyond it requests are
/// answered 429 LIMIT_REACHED. Operators see who uses most.
#[utoipa::path(
    get,
    path = "/v1/limits",
    operation_id = "list_limits",
    tag = "quotas",
    responses((status = 200, description = "All limits", body = Answer)),
)]
pub(crate) async fn all(
    request: HttpRequest,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, HubError> {
    let caller = principal(&request);
    let peer = peer::of(&request, &hub);
    let service = caller.acts_only_for();
    let inspect = InspectUsage {
        service: service.clone(),
    };
    let usages = hub.clients.event_bus.query(inspect).await?;
    let instances = hub
        .clients
        .registry
        .query(CountInstances { service })
        .await?;
    let instances = instances.into_iter();
    let instances = instances.map(|(service, count)| (service.to_string(), count as u64));
    let instances: Uses = instances.collect();
    let of_all = match caller.is_operator {
        true => Some(OfAll::now(&hub).await?),
        false => None,
    };
    let me = caller.name.as_ref().map(ToString::to_string);
    let answer = |limit: Limit| {
        let most = hub.settings.limits.of(limit);
        let pool = pool(&hub, limit);
        let uses = match limit {
            Limit::InstancesPerService => Some(instances.clone()),
            Limit::SubscriptionsPerService => Some(of_each(&usages, |one| one.subscriptions)),
            Limit::PatternsPerService => Some(of_each(&usages, |one| one.patterns)),
            Limit::ReplaysPerSubscription => Some(of_each(&usages, |one| one.replays)),
            _ => None,
        };
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
        LimitAnswer {
            limit: limit.name(),
            most,
            share: pool.map(|pool| pool.share() as u64),
            used,
            largest: largest.filter(|_| caller.is_operator),
        }
    };
    let limits: Vec<_> = Limit::ALL.map(answer).into();
    Ok(HttpResponse::Ok().json(Answer {
        count: limits.len(),
        limits,
    }))
}

/// Where it is counted, if that is by peers.
fn pool(hub: &Hub, limit: Limit) -> Option<&Pool> {
    match limit {
        Limit::BodyBytes => Some(hub.bodies.pool()),
        Limit::AnswerBytes => Some(&hub.answers),
        Limit::UnfinishedBytes => Some(&hub.unfinished),
        Limit::ReplayBytes => Some(&hub.replays),
        Limit::SocketsPerService => Some(&hub.sockets),
        _ => None,
    }
}

fn of_each(usages: &[ServiceUsage], count: impl Fn(&ServiceUsage) -> usize) -> Uses {
    let uses = usages
        .iter()
        .map(|one| (one.service.to_string(), count(one) as u64));
    uses.collect()
}

fn used_by(uses: &Uses, name: Option<&str>) -> u64 {
    let mine = uses.iter().find(|(peer, _)| Some(peer.as_str()) == name);
    mine.map_or(0, |(_, used)| *used)
}

fn largest_of(pool: &Pool) -> Vec<PeerUse> {
    let peers = pool.largest(LARGEST).into_iter();
    let uses = peers.map(|(peer, used): (Peer, usize)| (peer.to_string(), used as u64));
    largest(uses.collect())
}

fn largest(mut uses: Uses) -> Vec<PeerUse> {
    uses.retain(|(_, used)| *used > 0);
    uses.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    uses.truncate(LARGEST);
    uses.into_iter()
        .map(|(peer, used)| PeerUse { peer, used })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_use_most_come_first() {
        let uses: Uses = (0..20).map(|n| (format!("s{n:02}"), n % 12)).collect();
        let shown = largest(uses.clone());
        assert_eq!(shown.len(), LARGEST);
        assert_eq!((shown[0].peer.as_str(), shown[0].used), ("s11", 11));
        assert_eq!((shown[4].peer.as_str(), shown[4].used), ("s07", 7));
        assert_eq!((shown[5].peer.as_str(), shown[5].used), ("s19", 7));
        assert!(largest(vec![("idle".to_owned(), 0)]).is_empty());
        assert_eq!((used_by(&uses, Some("s03")), used_by(&uses, None)), (3, 0));
    }
}
