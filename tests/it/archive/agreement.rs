//! Whatever happens, and however it is cut into batches, the archives agree.

use std::sync::Arc;

use crate::adapters::archive_memory::MemoryArchive;
use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::message::Message;
use message_hub::domain::payload::Payload;
use message_hub::domain::redrive::RedriveFilter;
use message_hub::logic::projection::Projection;
use message_hub::ports::archive::{
    Archive, ArchiveWriter, ArchivedMessage, DeadLetterArchive, DeadLetterQuery, MessageQuery,
};
use proptest::prelude::*;

use super::facts::{
    accepted, cancelled, dead, deleted, delivered, expired, failed, message, record, redriven,
    service_seen,
};
use super::{Databases, apply, block_on};

const MESSAGES: usize = 4;

/// Something that may happen to message `number`, and whether a batch ends there.
#[derive(Clone, Copy, Debug)]
struct Step {
    number: u8,
    choice: u8,
    ends_batch: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..MESSAGES as u8, 0..6u8, any::<bool>());
    let step = step.prop_map(|(number, choice, ends_batch)| Step {
        number,
        choice,
        ends_batch,
    });
    prop::collection::vec(step, 1..60)
}

/// Where a message is in its life.
#[derive(Clone, Copy, PartialEq)]
enum Life {
    Unknown,
    Open,
    DeadLetter,
    Over,
}

/// The facts of `steps` as the writer would let them happen.
fn history(steps: &[Step]) -> Vec<Fact> {
    let mut lives = [Life::Unknown; MESSAGES];
    let mut redrives = [0; MESSAGES];
    let mut facts = Vec::new();
    for Step { number, choice, .. } in steps.iter().copied() {
        let place = usize::from(number);
        let attempt = u32::from(choice) + 1;
        let (life, fact) = match (lives[place], choice) {
            (Life::Unknown, _) => (Life::Open, accepted(number)),
            (Life::Open, 0) => (Life::Over, delivered(number, attempt)),
            (Life::Open, 1) => (
                Life::DeadLetter,
                dead(number, attempt, DeadReason::Rejected),
            ),
            (Life::Open, 2) => (Life::DeadLetter, expired(number)),
            (Life::Open, 3) => (Life::Over, cancelled(number)),
            (Life::Open, _) => (Life::Open, failed(number, attempt)),
            (Life::DeadLetter, 0) => (Life::Over, deleted(number)),
            (Life::DeadLetter, _) => {
                redrives[place] += 1;
                (
                    Life::Open,
                    redriven(mended(number, choice), redrives[place]),
                )
            }
            (Life::Over, 0) => (Life::Open, accepted(number)),
            (Life::Over, _) => (Life::Over, service_seen("billing")),
        };
        lives[place] = life;
        facts.push(fact);
    }
    facts
}

/// With JSON or bytes in place of what it said before.
fn mended(number: u8, choice: u8) -> Message {
    let mut message = message(number);
    if choice.is_multiple_of(2) {
        message.payload = Payload::raw(vec![choice, 0xff], None);
    }
    message
}

async fn everything(archive: &dyn Archive) -> Vec<ArchivedMessage> {
    let query = MessageQuery {
        limit: 100,
        ..MessageQuery::default()
    };
    archive.messages(query).await.unwrap().items
}

async fn agree(archive: &dyn Archive, steps: &[Step]) -> Result<(), TestCaseError> {
    let memory = MemoryArchive::default();
    let mut projection = Projection::new(0);
    let facts = history(steps).into_iter();
    for ((position, fact), step) in (1..).zip(facts).zip(steps) {
        projection.apply(&record(position, fact));
        if !step.ends_batch {
            continue;
        }
        let batch = Arc::new(projection.take().unwrap());
        archive.apply(batch.clone()).await.unwrap();
        memory.apply(batch).await.unwrap();
        prop_assert_eq!(everything(archive).await, everything(&memory).await);
        let dead_letters = DeadLetterQuery::matching(&RedriveFilter::default());
        prop_assert_eq!(
            archive.dead_letters_after(dead_letters.clone(), 1, 3).await,
            memory.dead_letters_after(dead_letters.clone(), 1, 3).await
        );
        let counted = archive.count_dead_letters(dead_letters.clone()).await;
        prop_assert_eq!(counted, memory.count_dead_letters(dead_letters).await);
        let counts = archive.dead_letter_counts().await.unwrap();
        prop_assert_eq!(counts, memory.dead_letter_counts().await.unwrap());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn all_agree_after_every_batch(steps in steps()) {
        let databases = Databases::new();
        block_on(async {
            for archive in databases.empty().await {
                agree(&*archive, &steps).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }

    #[test]
    fn batches_may_be_cut_anywhere(steps in steps()) {
        block_on(async {
            let one_by_one = MemoryArchive::default();
            let at_once = MemoryArchive::default();
            for fact in history(&steps) {
                apply(&one_by_one, [fact]).await;
            }
            apply(&at_once, history(&steps)).await;
            prop_assert_eq!(everything(&one_by_one).await, everything(&at_once).await);
            Ok(())
        })?;
    }
}
