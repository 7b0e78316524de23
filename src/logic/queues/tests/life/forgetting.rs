//! Destinations that are forgotten in the course of a life, which makes no difference to it.

use super::*;

impl Life {
    pub(super) fn forget(&mut self) {
        let awaited = self.some_service();
        let forgotten = self.queues.take_unneeded(|service| *service == awaited);
        assert!(!forgotten.contains(&awaited));
        for service in forgotten {
            assert!(!self.queues.knows(&service));
            let mut open = self.model.open.iter();
            assert!(open.all(|open| open.message.destination != service));
            self.forgotten += 1;
        }
    }
}
