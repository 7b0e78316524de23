//! The hub at a glance.

use std::time::Duration;

use super::*;
use crate::hub::access::Role;
use crate::hub::error::ErrorCode;
use crate::hub::lately::MOST_AGE;
use crate::hub::service_rows::row_of;
use crate::logic::service_rows::RowFilter;
use crate::phase::Phase;

fn viewer() -> Principal {
    Principal {
        name: Some(service("eye")),
        role: Role::Viewer,
    }
}

#[actix::test]
async fn what_waits_for_whom_is_seen_at_a_glance_and_a_service_sees_only_itself() {
    let test = TestHub::with_puller("billing").await;
    let hub = &test.hub;
    let (eye, billing, shop) = (
        viewer(),
        principal("billing", false),
        principal("shop", false),
    );
    let now = hub.clock.wall();
    let context = RequestContext::of(&eye, now);
    test.send(vec![message(hub, "billing", "1")]).await;
    let rows = hub.service_rows().await.unwrap();
    let row = row_of(&rows.what, &service("billing")).unwrap();
    assert_eq!(row.depths.open(), 1);
    assert_eq!(row_of(&rows.what, &service("nobody")), None);
    let overview = hub.overview(&context).await.unwrap();
    assert_eq!(overview.what.picture.what.queues.totals.accepted, 1);
    assert!(overview.what.attention.is_empty());

    let own = RequestContext::of(&billing, now);
    let seen = |context, filter| hub.visible_rows(context, filter);
    let all = RowFilter::default();
    assert_eq!(
        seen(&own, all.clone()).unwrap().service,
        Some(service("billing"))
    );
    assert_eq!(seen(&context, all.clone()).unwrap().service, None);
    let others = RowFilter {
        service: Some(service("billing")),
        ..all
    };
    assert!(seen(&RequestContext::of(&shop, now), others).is_none());
    let refused = hub.overview(&own).await.err().unwrap();
    assert_eq!(refused.code(), ErrorCode::AuthFailed);
    let refused = hub.stats(&own, None, 1).err().unwrap();
    assert_eq!(refused.code(), ErrorCode::AuthFailed);
}

#[actix::test]
async fn a_sample_tells_what_happened_since_the_one_before() {
    let test = TestHub::with_puller("billing").await;
    let hub = &test.hub;
    let mut sampler = hub.sampler();
    let first = sampler.sample(Phase::Open).await.unwrap();
    assert_eq!((first.accepted, first.depth_normal), (None, Some(0.0)));
    test.send(vec![message(hub, "billing", "1")]).await;
    // Until then whoever has the queues is not asked again.
    tokio::time::pause();
    tokio::time::advance(MOST_AGE).await;
    tokio::time::resume();
    let second = sampler.sample(Phase::Open).await.unwrap();
    assert!(second.accepted.is_some_and(|rate| rate > 0.0), "{second:?}");
    assert_eq!(
        (second.delivered, second.depth_normal),
        (Some(0.0), Some(1.0))
    );
    hub.keep_sample(&mut sampler).await.unwrap();
    assert_eq!(hub.latest_sample().depth_normal, Some(1.0));
    let eye = viewer();
    let context = RequestContext::of(&eye, hub.clock.wall());
    let part = hub.stats(&context, None, 1).unwrap();
    assert_eq!(part.series.depth_normal, [Some(1.0)]);
    let later = hub.clock.wall().plus(Duration::from_secs(60));
    assert!(
        hub.stats(&context, Some(later), 1)
            .unwrap()
            .series
            .rss
            .is_empty()
    );
}
