//! The event reference of the integration guide: each service gets exactly what it subscribed to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::socket::Socket;
use crate::support::verbs::text;
use crate::support::{FakeService, TestHub};

/// What each service publishes.
const PUBLISHED: [(&str, &[&str]); 4] = [
    (
        "character",
        &[
            "character.created",
            "character.updated",
            "character.deleted",
            "character.validated",
            "character.leveled_up",
            "character.refined",
            "character.journal_updated",
            "character.inventory_changed",
            "character.spells_changed",
        ],
    ),
    (
        "campaign",
        &[
            "campaign.created",
            "campaign.evolved",
            "campaign.chapter_created",
            "campaign.validate_character",
            "campaign.character_approved",
            "campaign.theme_changed",
            "campaign.validated",
        ],
    ),
    (
        "image",
        &[
            "image.portrait_generated",
            "image.map_generated",
            "image.item_generated",
            "image.theme_applied",
        ],
    ),
    (
        "llm",
        &[
            "llm.content_generated",
            "llm.refinement_suggested",
            "llm.generate_prompt",
        ],
    ),
];

const CHARACTER: &[&str] = &[
    "campaign.theme_changed",
    "campaign.validated",
    "llm.content_generated",
    "llm.refinement_suggested",
];
const CAMPAIGN: &[&str] = &[
    "character.created",
    "character.updated",
    "character.validated",
    "llm.content_generated",
];
const IMAGE: &[&str] = &[
    "character.updated",
    "campaign.theme_changed",
    "llm.generate_prompt",
];
const LLM: &[&str] = &[
    "character.created",
    "campaign.theme_changed",
    "character.refined",
];
/// Changes of any kind, and all of the images'.
const AUDIT: &[&str] = &["*.theme_changed", "image.#", "*.validated"];

fn callback(hub: &TestHub, service: &str, event_types: &[&str], at: &FakeService) {
    let asked = json!({
        "service": service, "event_types": event_types, "callback_url": format!("{}/events", at.url()),
    });
    hub.subscribe(&asked).is(201);
}

fn socket(hub: &TestHub, service: &str, event_types: &[&str]) -> Socket {
    let mut socket = hub.named(service, "").socket();
    let asked = json!({"type": "subscribe", "service": service, "event_types": event_types});
    assert_eq!(socket.ask(&asked)["type"], "subscribed");
    socket
}

/// The ids of one round, by type.
type Round = BTreeMap<&'static str, String>;

/// Every type, each published by the service it belongs to.
fn publish_all(hub: &TestHub) -> Round {
    let mut ids = Round::new();
    for (service, types) in PUBLISHED {
        for event_type in types {
            let event = json!({"event_type": event_type, "source": service, "payload": 1});
            let published = hub.post("/v1/events", &event).is(201);
            ids.insert(event_type, text(&published["id"]));
        }
    }
    ids
}

/// The ids of the types, in the order in which they were published.
fn expected(rounds: &[Round], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut expected = Vec::new();
    for ids in rounds {
        for (_, types) in PUBLISHED {
            let types = types.iter().filter(|event_type| wanted(event_type));
            expected.extend(types.map(|event_type| ids[event_type].clone()));
        }
    }
    expected
}

fn pushed_ids(service: &FakeService, count: usize) -> Vec<String> {
    let received = service.wait_for(count);
    let ids = received.iter().map(|request| text(&request.json()["id"]));
    ids.collect()
}

/// What comes up to the last event there is.
fn heard_ids(socket: &mut Socket, count: usize) -> Vec<String> {
    let events = (0..count).map(|_| socket.hears("event"));
    let ids = events
        .map(|frame: Value| text(&frame["event"]["id"]))
        .collect();
    socket.hears_nothing();
    ids
}

#[test]
fn each_service_of_the_guide_gets_what_it_subscribed_to() {
    let hub = TestHub::start();
    let (character, image) = (FakeService::start(), FakeService::start());
    callback(&hub, "character", CHARACTER, &character);
    callback(&hub, "image", IMAGE, &image);
    let mut campaign = socket(&hub, "campaign", CAMPAIGN);
    let mut llm = socket(&hub, "llm", LLM);
    let mut audit = socket(&hub, "audit", AUDIT);
    let rounds = [publish_all(&hub), publish_all(&hub)];

    for (service, wanted) in [(&character, CHARACTER), (&image, IMAGE)] {
        let expected = expected(&rounds, |event_type| wanted.contains(&event_type));
        assert_eq!(pushed_ids(service, expected.len()), expected);
    }
    for (socket, wanted) in [(&mut campaign, CAMPAIGN), (&mut llm, LLM)] {
        let expected = expected(&rounds, |event_type| wanted.contains(&event_type));
        assert_eq!(heard_ids(socket, expected.len()), expected);
    }
    let audited = expected(&rounds, |event_type| {
        event_type.ends_with(".theme_changed")
            || event_type.ends_with(".validated")
            || event_type.starts_with("image.")
    });
    assert_eq!(heard_ids(&mut audit, audited.len()), audited);
}
