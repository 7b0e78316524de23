use super::*;

const SOON: Duration = Duration::from_secs(5);

impl Cellar {
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
        settle().await;
    }

    fn is_up(&self) -> bool {
        self.metrics.status.archive_answers.get()
    }
}

#[actix::test]
async fn an_archive_that_goes_is_missed_though_nothing_is_written() {
    let cellar = cellar();
    cellar.pass(SOON).await;
    assert!(cellar.is_up());
    cellar.archive.set_unavailable(true);
    cellar.pass(SOON).await;
    assert!(!cellar.is_up());
    assert!(cellar.flush().await.is_err());
    cellar.archive.set_unavailable(false);
    cellar.pass(SOON).await;
    assert!(cellar.is_up());
    assert_eq!(cellar.flush().await, Ok(()));
}

/// It answers nothing for a while, and then again.
async fn is_missed(cellar: &Cellar) {
    cellar.pass(INTERVAL + SOON).await;
    assert!(!cellar.is_up());
    assert!(cellar.flush().await.is_err());
    cellar.archive.set_stuck(false);
    // A look that was begun before gets no answer any more.
    cellar.pass(SOON * 2).await;
    assert!(cellar.is_up());
}

#[actix::test]
async fn an_archive_that_does_not_answer_is_missed() {
    let cellar = cellar();
    cellar.pass(SOON).await;
    cellar.archive.set_stuck(true);
    is_missed(&cellar).await;
}

#[actix::test]
async fn an_archive_that_does_not_answer_is_missed_while_a_write_waits_for_it() {
    let mut cellar = cellar();
    cellar.pass(SOON).await;
    cellar.archive.set_stuck(true);
    cellar.commit(vec![accepted(cellar.message(1))]);
    is_missed(&cellar).await;
}

#[actix::test]
async fn what_is_not_known_is_not_shown() {
    let archive = MemoryArchive::default();
    archive.set_unavailable(true);
    let down = ArchiveError::Unavailable("no route".to_owned());
    let mut cellar = cellar_where(archive, Err(down));
    cellar.commit(vec![accepted(cellar.message(1))]);
    settle().await;
    assert_eq!(cellar.metrics.archive_lag.get(), None);
    assert_eq!(cellar.metrics.archive_size.bytes.get(), None);
    cellar.archive.set_unavailable(false);
    cellar.caught_up(1).await;
    cellar.pass(SOON).await;
    assert_eq!(cellar.metrics.archive_lag.get(), Some(0));
    let messages = cellar.metrics.archive_size.messages(1);
    assert_eq!(messages["queued"], 1);
}

#[actix::test]
async fn an_archive_that_answers_but_cannot_be_written_to_is_back_once_it_was_written_to() {
    let mut cellar = cellar();
    cellar.pass(SOON).await;
    cellar.archive.set_full(true);
    cellar.commit(vec![accepted(cellar.message(1))]);
    cellar.pass(INTERVAL).await;
    for _ in 0..100 {
        assert!(!cellar.is_up());
        assert!(cellar.flush().await.is_err());
        cellar.pass(SOON / 50).await;
    }
    cellar.archive.set_full(false);
    cellar.pass(SOON).await;
    assert!(cellar.is_up());
    assert_eq!(cellar.flush().await, Ok(()));
    cellar.caught_up(1).await;
}

#[actix::test]
async fn an_archive_that_is_another_one_is_missed_though_nothing_is_written() {
    let mut cellar = cellar();
    cellar.pass(SOON).await;
    cellar.commit(vec![accepted(cellar.message(1))]);
    assert_eq!(cellar.flush().await, Ok(()));
    cellar.archive.empty();
    cellar.archived.drain().await;
    cellar.caught_up(1).await;
    cellar.pass(SOON).await;
    assert!(cellar.is_up());
    assert_eq!(cellar.checkpoint().await, 1);
}
