//! Leases in the course of a life: taken, settled, extended, run out, and lost with who had them.

use super::*;

impl Life {
    pub(super) fn lease(&mut self) {
        let (service, max) = (self.some_service(), self.random.random_range(0..4));
        let first = self.tokens;
        let mut generate = || {
            self.tokens += 1;
            token(self.tokens)
        };
        let out = self
            .queues
            .lease(&service, max, Some(LEASE), self.now, &mut generate);
        let until = self.now.plus(LEASE);
        let place = |nth| model::Place::Leased(token(first + 1 + nth as u128), until);
        let (expected, expired) = self.model.hand_out(&service, max, self.now, place);
        let deliveries = out.items.into_iter().map(|leased| leased.delivery);
        self.check_hand_out(&deliveries.collect::<Vec<_>>(), &expected);
        self.expect(out.expired, expired);
    }

    /// The model's view of a request about leases: all of them, or the stale ones.
    fn leased(&self, tokens: &[LeaseToken]) -> Result<Vec<usize>, Refusal> {
        let is_stale = |token: &&LeaseToken| self.model.leased(**token).is_none();
        let stale: Vec<LeaseToken> = tokens.iter().filter(is_stale).copied().collect();
        if !stale.is_empty() {
            return Err(Refusal::StaleLeases { stale });
        }
        let known = tokens
            .iter()
            .map(|token| self.model.leased(*token).unwrap());
        let mut unique: Vec<usize> = Vec::new();
        for index in known {
            if !unique.contains(&index) {
                unique.push(index);
            }
        }
        Ok(unique)
    }

    pub(super) fn ack(&mut self) {
        let tokens = self.some_tokens();
        let expected = self.leased(&tokens).map(|indices| {
            let mut facts = Facts::new();
            for index in indices {
                let open = &mut self.model.open[index];
                open.place = model::Place::Settling;
                facts.push((open.message.id, Said::Settled(State::Delivered)));
            }
            facts
        });
        let facts = self.queues.ack(&tokens, self.now);
        self.expect_all_or_nothing(facts, expected);
    }

    pub(super) fn nack(&mut self) {
        let tokens = self.some_tokens();
        let delay = [None, None, Some(0), Some(2), Some(9)][self.random.random_range(0..5)];
        let expected = self.leased(&tokens).map(|indices| {
            let indices = indices.into_iter();
            indices
                .map(|index| self.model.fail(index, delay, self.now))
                .collect()
        });
        let asked = delay.map(Duration::from_secs);
        let facts = self.queues.nack(&tokens, asked, None, self.now, || 0.0);
        self.expect_all_or_nothing(facts, expected);
    }

    fn expect_all_or_nothing(
        &mut self,
        facts: Result<Vec<Fact>, Refusal>,
        expected: Result<Facts, Refusal>,
    ) {
        match (facts, expected) {
            (Ok(facts), Ok(expected)) => self.expect(facts, expected),
            (facts, expected) => assert_eq!(facts.unwrap_err(), expected.unwrap_err()),
        }
    }

    pub(super) fn extend(&mut self) {
        let tokens = self.some_tokens();
        let until = self.now.plus(LEASE);
        let extended = self.queues.extend(&tokens, LEASE, self.now);
        let expected = self.leased(&tokens).map(|_| until);
        assert_eq!(extended, expected);
        for token in tokens.into_iter().filter(|_| expected.is_ok()) {
            let index = self.model.leased(token).unwrap();
            self.model.open[index].place = model::Place::Leased(token, until);
        }
    }

    pub(super) fn expire_leases(&mut self) {
        self.return_due();
        let mut ended = Vec::new();
        for (index, open) in self.model.open.iter().enumerate() {
            if let model::Place::Leased(token, until) = open.place
                && until <= self.now
            {
                ended.push((until, token, index));
            }
        }
        ended.sort();
        let fail = |(_, _, index)| self.model.fail(index, None, self.now);
        let expected = ended.into_iter().map(fail).collect();
        let facts = self.queues.expire_leases(self.now, || 0.0);
        self.expect(facts, expected);
    }

    pub(super) fn lose_consumer(&mut self) {
        let tokens = match self.chance(80) {
            true => self.all_tokens(),
            false => self.some_tokens(),
        };
        let ids = self.queues.running(&tokens);
        let expected = tokens
            .iter()
            .filter_map(|token| self.model.lose_consumer(*token, self.now))
            .collect();
        let facts = self.queues.consumers_lost(&ids, self.now, || 0.0);
        self.expect(facts, expected);
    }
}
