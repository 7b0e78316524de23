//! Where requests go: the mailboxes the edge may put something into.

use actix::Recipient;

use crate::actors::messages::{
    Accept, AwaitSettled, Cancel, ChooseStrategy, DeleteDeadLetter, Deregister, DrainInstance,
    EndLeases, ExtendLeases, Flush, Heartbeat, Inspect, InspectAdmission, InspectCircuits,
    InspectDependencies, InspectQueues, InspectServices, Receive, Register, Reprocess, RetryNow,
};

#[derive(Clone)]
pub struct Handles {
    pub accept: Recipient<Accept>,
    pub admission: Recipient<InspectAdmission>,
    pub await_settled: Recipient<AwaitSettled>,
    pub inspect: Recipient<Inspect>,
    pub inspect_queues: Recipient<InspectQueues>,
    pub receive: Recipient<Receive>,
    pub end_leases: Recipient<EndLeases>,
    pub extend_leases: Recipient<ExtendLeases>,
    pub cancel: Recipient<Cancel>,
    pub retry_now: Recipient<RetryNow>,
    pub register: Recipient<Register>,
    pub deregister: Recipient<Deregister>,
    pub heartbeat: Recipient<Heartbeat>,
    pub drain_instance: Recipient<DrainInstance>,
    pub choose_strategy: Recipient<ChooseStrategy>,
    pub services: Recipient<InspectServices>,
    pub dependencies: Recipient<InspectDependencies>,
    pub circuits: Recipient<InspectCircuits>,
    pub reprocess: Recipient<Reprocess>,
    pub delete_dead_letter: Recipient<DeleteDeadLetter>,
    pub flush: Recipient<Flush>,
}
