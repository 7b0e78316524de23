//! Who may do what: every rule stands here, whatever protocol somebody speaks.

use super::error::{HubError, Subject};
use crate::domain::event::Event;
use crate::domain::ids::ServiceName;
use crate::logic::own_events::is_own_type;

/// Who asks for something, known from its credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// What it says (no keys) or has proved (keys) to be.
    pub name: Option<ServiceName>,
    /// May act for others.
    pub is_operator: bool,
}

/// What not everybody may do. A service is the one it is done for, or the one whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation<'a> {
    /// Send or publish in its name, subscribe or consume for it.
    ActFor(&'a ServiceName),
    /// Be handed its messages, and settle them.
    ReceiveMessages(&'a ServiceName),
    /// Of this sender: who receives a message may refuse it, but not make it unsent.
    RemoveMessage(&'a ServiceName),
    /// Of this sender: a changed dead letter goes out in its name.
    ChangeDeadLetter(&'a ServiceName),
    /// Of this sender: a message is its to give up.
    DeleteDeadLetter(&'a ServiceName),
    /// Say that an instance of it is there.
    RegisterInstance(&'a ServiceName),
    /// End it with all its instances.
    DeregisterService(&'a ServiceName),
    /// Say that it lives, that it takes nothing new, or that it is gone.
    ChangeInstance(&'a ServiceName),
    /// Decide how its instances are chosen.
    ChooseStrategy(&'a ServiceName),
    /// See what it subscribes to, and how far it is.
    ListSubscriptions(&'a ServiceName),
    /// Pause and resume queues.
    SwitchQueue,
    /// Cancel everything that waits for a destination.
    ClearQueue,
    /// Begin, switch and see redrive jobs.
    RunRedrives,
    /// See what services may send.
    SeeQuotas,
    /// Decide what a service may send.
    SetQuota,
    /// See the circuits and why they are as they are.
    SeeCircuits,
    /// Give a circuit a state of one's own.
    ForceCircuit,
    /// Keep another state of a stream than what its events add up to.
    ReplaceState,
    /// See who has a WebSocket open.
    SeeSockets,
    /// See whose keys are in use; never the keys.
    SeeKeys,
    /// See who uses most of the limits, and how much there is of what belongs to nobody.
    SeeUsage,
}

/// Who may do it.
enum Rule<'a> {
    Itself(&'a ServiceName),
    Operators,
}

impl<'a> Operation<'a> {
    fn rule(self) -> Rule<'a> {
        match self {
            Self::ActFor(service)
            | Self::ReceiveMessages(service)
            | Self::RemoveMessage(service)
            | Self::ChangeDeadLetter(service)
            | Self::DeleteDeadLetter(service)
            | Self::RegisterInstance(service)
            | Self::DeregisterService(service)
            | Self::ChangeInstance(service)
            | Self::ChooseStrategy(service)
            | Self::ListSubscriptions(service) => Rule::Itself(service),
            Self::SwitchQueue
            | Self::ClearQueue
            | Self::RunRedrives
            | Self::SeeQuotas
            | Self::SetQuota
            | Self::SeeCircuits
            | Self::ForceCircuit
            | Self::ReplaceState
            | Self::SeeSockets
            | Self::SeeKeys
            | Self::SeeUsage => Rule::Operators,
        }
    }
}

impl Principal {
    /// # Errors
    /// AUTH_FAILED with who may do it.
    pub fn may(&self, operation: Operation<'_>) -> Result<(), HubError> {
        if self.is_operator {
            return Ok(());
        }
        let forbidden = match operation.rule() {
            Rule::Itself(service) if self.name.as_ref() == Some(service) => return Ok(()),
            Rule::Itself(service) => format!("only {service} itself or an operator may do this"),
            Rule::Operators => "only an operator may do this".to_owned(),
        };
        Err(HubError::Forbidden(forbidden))
    }

    /// The one service it may act for; `None`: any.
    pub fn acts_only_for(&self) -> Option<ServiceName> {
        self.name.clone().filter(|_| !self.is_operator)
    }

    /// Whether it may send, publish, subscribe or consume as the service that the field `field`
    /// names. The hub acts for itself.
    ///
    /// # Errors
    /// AUTH_FAILED for another service, and for the hub's own name.
    pub fn may_act_for(&self, field: &'static str, service: &ServiceName) -> Result<(), HubError> {
        self.may(Operation::ActFor(service))?;
        must_not_be_the_hub(service, field)
    }

    /// Whether it may publish this event: in the name of its source, and none of the hub's own.
    ///
    /// # Errors
    /// AUTH_FAILED with what forbids it.
    pub fn may_publish(&self, event: &Event) -> Result<(), HubError> {
        let event_type = &event.event_type;
        if is_own_type(event_type.as_str()) {
            return Err(HubError::Denied {
                field: "event_type",
                problem: format!("event_type: only the hub itself publishes {event_type}"),
            });
        }
        self.may_act_for("source", &event.source)
    }

    /// As which service something is asked for: `given` in the field `field`, else itself. Whether
    /// it [may](Self::may_act_for) is for the operation to say.
    ///
    /// # Errors
    /// What `subject` stands for if nobody has a name.
    pub fn acting_for(
        &self,
        subject: Subject,
        field: &'static str,
        given: Option<ServiceName>,
    ) -> Result<ServiceName, HubError> {
        given.or_else(|| self.name.clone()).ok_or_else(|| {
            HubError::invalid(subject, field, "is required, here or as X-Service-Name")
        })
    }

    /// Whether it may see a message between these two. Others are told that there is none.
    pub fn may_see(&self, source: &ServiceName, destination: &ServiceName) -> bool {
        self.is_operator
            || self
                .name
                .as_ref()
                .is_some_and(|name| name == source || name == destination)
    }
}

/// Nobody speaks for the hub: what it says is taken for true.
///
/// # Errors
/// AUTH_FAILED with the field that has the hub's own name.
pub fn must_not_be_the_hub(name: &ServiceName, field: &'static str) -> Result<(), HubError> {
    if !name.is_the_hubs() {
        return Ok(());
    }
    let problem = format!("{field}: {name} is the hub itself");
    Err(HubError::Denied { field, problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::error::ErrorCode;

    fn service(name: &str) -> ServiceName {
        ServiceName::parse(name).unwrap()
    }

    fn principal(name: Option<&str>, is_operator: bool) -> Principal {
        let name = name.map(service);
        Principal { name, is_operator }
    }

    /// Each operation on what is the shop's, and whether it is the shop's to do.
    fn operations(shop: &ServiceName) -> [(Operation<'_>, bool); 21] {
        [
            (Operation::ActFor(shop), true),
            (Operation::ReceiveMessages(shop), true),
            (Operation::RemoveMessage(shop), true),
            (Operation::ChangeDeadLetter(shop), true),
            (Operation::DeleteDeadLetter(shop), true),
            (Operation::RegisterInstance(shop), true),
            (Operation::DeregisterService(shop), true),
            (Operation::ChangeInstance(shop), true),
            (Operation::ChooseStrategy(shop), true),
            (Operation::ListSubscriptions(shop), true),
            (Operation::SwitchQueue, false),
            (Operation::ClearQueue, false),
            (Operation::RunRedrives, false),
            (Operation::SeeQuotas, false),
            (Operation::SetQuota, false),
            (Operation::SeeCircuits, false),
            (Operation::ForceCircuit, false),
            (Operation::ReplaceState, false),
            (Operation::SeeSockets, false),
            (Operation::SeeKeys, false),
            (Operation::SeeUsage, false),
        ]
    }

    #[test]
    fn operators_may_do_all_and_others_what_is_theirs() {
        let shop = service("shop");
        for (operation, is_the_shops) in operations(&shop) {
            for (who, may) in [
                (principal(Some("boss"), true), true),
                (principal(None, true), true),
                (principal(Some("shop"), false), is_the_shops),
                (principal(Some("mail"), false), false),
                (principal(None, false), false),
            ] {
                let denied = who.may(operation).err();
                assert_eq!(denied.is_none(), may, "{who:?} {operation:?}");
                if let Some(error) = denied {
                    let theirs = "only shop itself or an operator may do this";
                    let operators = "only an operator may do this";
                    let told = if is_the_shops { theirs } else { operators };
                    assert_eq!(
                        (error.code(), &*error.to_string()),
                        (ErrorCode::AuthFailed, told)
                    );
                }
            }
        }
    }

    #[test]
    fn a_message_is_seen_by_its_ends_and_by_operators() {
        let (shop, mail) = (service("shop"), service("mail"));
        for (who, sees) in [
            (principal(Some("shop"), false), true),
            (principal(Some("mail"), false), true),
            (principal(Some("bank"), false), false),
            (principal(None, false), false),
            (principal(Some("bank"), true), true),
        ] {
            assert_eq!(who.may_see(&shop, &mail), sees, "{who:?}");
        }
    }

    #[test]
    fn only_who_is_no_operator_is_bound_to_its_own_name() {
        assert_eq!(
            principal(Some("shop"), false).acts_only_for(),
            Some(service("shop"))
        );
        assert_eq!(principal(Some("shop"), true).acts_only_for(), None);
        assert_eq!(principal(None, true).acts_only_for(), None);
    }
}
