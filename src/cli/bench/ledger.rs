//! What the hub acknowledged against what arrived.

use super::marks::Marks;

const ACKNOWLEDGED: u8 = 1;
const RECEIVED: u8 = 2;

/// One mark per sequence number; the numbers must be dense.
#[derive(Default)]
pub(super) struct Ledger {
    marks: Vec<u8>,
    tally: Tally,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub(super) struct Tally {
    pub acknowledged: u64,
    /// Different messages.
    pub received: u64,
    /// Messages that came once more.
    pub repeated: u64,
    /// Deliveries that are not exactly what was sent.
    pub corrupt: u64,
    /// Acknowledged and not received.
    pub missing: u64,
}

impl Ledger {
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        let mark = self.mark(sequence);
        let before = *mark;
        *mark |= ACKNOWLEDGED;
        if before & ACKNOWLEDGED == 0 {
            self.tally.acknowledged += 1;
            self.tally.missing += u64::from(before & RECEIVED == 0);
        }
    }

    pub(super) fn receive(&mut self, sequence: u64) {
        let mark = self.mark(sequence);
        let before = *mark;
        *mark |= RECEIVED;
        if before & RECEIVED != 0 {
            self.tally.repeated += 1;
            return;
        }
        self.tally.received += 1;
        self.tally.missing -= u64::from(before & ACKNOWLEDGED != 0);
    }

    pub(super) fn receive_corrupt(&mut self) {
        self.tally.corrupt += 1;
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// The sequence numbers of all that was acknowledged.
    pub(super) fn acknowledgements(&self) -> Marks {
        let mut acknowledged = Marks::default();
        for (sequence, mark) in self.marks.iter().enumerate() {
            if mark & ACKNOWLEDGED != 0 {
                acknowledged.set(sequence as u64);
            }
        }
        acknowledged
    }

    fn mark(&mut self, sequence: u64) -> &mut u8 {
        let index = usize::try_from(sequence).expect("sequence numbers count what is in memory");
        if index >= self.marks.len() {
            self.marks.resize((index + 1).next_power_of_two(), 0);
        }
        &mut self.marks[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acknowledged_is_missing_until_it_arrives() {
        let mut ledger = Ledger::default();
        ledger.acknowledge(0);
        ledger.acknowledge(5);
        ledger.receive(5);
        let tally = ledger.tally();
        assert_eq!(
            (tally.acknowledged, tally.received, tally.missing),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_message_may_arrive_before_its_acknowledgement() {
        let mut ledger = Ledger::default();
        ledger.receive(3);
        ledger.acknowledge(3);
        assert_eq!(ledger.tally().missing, 0);
        let acknowledged = ledger.acknowledgements();
        assert_eq!(acknowledged.missing_in(&Marks::default()), 1);
    }

    #[test]
    fn repeats_are_counted_apart() {
        let mut ledger = Ledger::default();
        ledger.acknowledge(1);
        ledger.receive(1);
        ledger.receive(1);
        ledger.receive(1);
        let tally = ledger.tally();
        assert_eq!((tally.received, tally.repeated, tally.missing), (1, 2, 0));
    }
}
