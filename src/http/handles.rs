//! Where requests go: the mailboxes the edge may put something into.

use actix::Recipient;

use crate::actors::messages::{
    Accept, AwaitSettled, Cancel, ChooseStrategy, ClearQueue, Credit, DeleteDeadLetter, Deregister,
    DrainInstance, EndLeases, ExtendLeases, Flush, Follow, ForceCircuit, Heartbeat, Inspect,
    InspectAdmission, InspectCircuits, InspectDependencies, InspectLog, InspectQueues,
    InspectQuotas, InspectRedrives, InspectServices, PickInstance, ReadRecent, Receive, Register,
    Reprocess, RetryNow, SetQuota, SocketClosed, SocketOpened, StartRedrive, SwitchQueue,
    SwitchRedrive, Unfollow,
};

#[derive(Clone)]
pub struct Handles {
    pub accept: Recipient<Accept>,
    pub set_quota: Recipient<SetQuota>,
    pub quotas: Recipient<InspectQuotas>,
    pub admission: Recipient<InspectAdmission>,
    pub await_settled: Recipient<AwaitSettled>,
    pub inspect: Recipient<Inspect>,
    pub inspect_queues: Recipient<InspectQueues>,
    pub switch_queue: Recipient<SwitchQueue>,
    pub clear_queue: Recipient<ClearQueue>,
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
    pub force_circuit: Recipient<ForceCircuit>,
    pub pick_instance: Recipient<PickInstance>,
    pub reprocess: Recipient<Reprocess>,
    pub delete_dead_letter: Recipient<DeleteDeadLetter>,
    pub flush: Recipient<Flush>,
    pub start_redrive: Recipient<StartRedrive>,
    pub switch_redrive: Recipient<SwitchRedrive>,
    pub inspect_redrives: Recipient<InspectRedrives>,
    pub follow: Recipient<Follow>,
    pub credit: Recipient<Credit>,
    pub unfollow: Recipient<Unfollow>,
    pub inspect_log: Recipient<InspectLog>,
    pub read_recent: Recipient<ReadRecent>,
    pub socket_opened: Recipient<SocketOpened>,
    pub socket_closed: Recipient<SocketClosed>,
}
