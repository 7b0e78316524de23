//! Where requests go: the mailboxes the edge may put something into.

use actix::Recipient;

use crate::actors::messages::{
    Accept, AwaitSettled, Cancel, DeleteDeadLetter, Deregister, EndLeases, ExtendLeases, Flush,
    ForceCircuit, Inspect, InspectAdmission, InspectCircuits, InspectQueues, InspectServices,
    PickInstance, Receive, Register, Reprocess, RetryNow,
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
    pub services: Recipient<InspectServices>,
    pub circuits: Recipient<InspectCircuits>,
    pub force_circuit: Recipient<ForceCircuit>,
    pub pick_instance: Recipient<PickInstance>,
    pub reprocess: Recipient<Reprocess>,
    pub delete_dead_letter: Recipient<DeleteDeadLetter>,
    pub flush: Recipient<Flush>,
}
