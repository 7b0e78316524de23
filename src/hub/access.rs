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
    /// What it may do beyond that.
    pub role: Role,
}

/// What somebody may do beyond what is its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Acts and sees for itself.
    Service,
    /// Sees what an operator sees, and acts for itself.
    Viewer,
    /// Does everything, also for others.
    Operator,
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
    /// Of this sender, or subscriber: what did not arrive is its to give up.
    DeleteDeadLetter(&'a ServiceName),
    /// Of this sender to this receiver: try once more, as it was, what did not arrive.
    SendAgain(&'a ServiceName, &'a ServiceName),
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
    /// See redrive jobs, and how they get on.
    SeeRedrives,
    /// Begin and switch redrive jobs.
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
    /// See how the whole hub is at a glance, and what happened over the last day.
    SeeOverview,
    /// See who uses most of the limits, and how much there is of what belongs to nobody.
    SeeUsage,
}

/// Who may do it.
enum Rule<'a> {
    Itself(&'a ServiceName),
    /// Each of the two.
    Either(&'a ServiceName, &'a ServiceName),
    /// Itself, and whoever sees everything.
    SeesOwn(&'a ServiceName),
    Viewers,
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
            | Self::ChooseStrategy(service) => Rule::Itself(service),
            Self::SendAgain(source, destination) if source == destination => Rule::Itself(source),
            Self::SendAgain(source, destination) => Rule::Either(source, destination),
            Self::ListSubscriptions(service) => Rule::SeesOwn(service),
            Self::SeeRedrives
            | Self::SeeQuotas
            | Self::SeeCircuits
            | Self::SeeSockets
            | Self::SeeKeys
            | Self::SeeOverview
            | Self::SeeUsage => Rule::Viewers,
            Self::SwitchQueue
            | Self::ClearQueue
            | Self::RunRedrives
            | Self::SetQuota
            | Self::ForceCircuit
            | Self::ReplaceState => Rule::Operators,
        }
    }
}

impl Rule<'_> {
    /// Whether it lets in who is no operator.
    fn admits(&self, who: &Principal) -> bool {
        let is = |service: &ServiceName| who.name.as_ref() == Some(service);
        match self {
            Self::Itself(service) => is(service),
            Self::Either(one, other) => is(one) || is(other),
            Self::SeesOwn(service) => is(service) || who.sees_all(),
            Self::Viewers => who.sees_all(),
            Self::Operators => false,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Itself(service) => format!("only {service} itself or an operator may do this"),
            Self::Either(one, other) => {
                format!("only {one}, {other} or an operator may do this")
            }
            Self::SeesOwn(service) => {
                format!("only {service} itself, a viewer or an operator may see this")
            }
            Self::Viewers => "only a viewer or an operator may see this".to_owned(),
            Self::Operators => "only an operator may do this".to_owned(),
        }
    }
}

impl Principal {
    /// # Errors
    /// AUTH_FAILED with who may do it.
    pub fn may(&self, operation: Operation<'_>) -> Result<(), HubError> {
        let rule = operation.rule();
        if self.role == Role::Operator || rule.admits(self) {
            return Ok(());
        }
        Err(HubError::Forbidden(rule.in_words()))
    }

    /// Whether it sees what is others', too.
    pub fn sees_all(&self) -> bool {
        matches!(self.role, Role::Viewer | Role::Operator)
    }

    /// The one service it may act for; `None`: any.
    pub fn acts_only_for(&self) -> Option<ServiceName> {
        self.name.clone().filter(|_| self.role != Role::Operator)
    }

    /// The one service whose things it sees; `None`: any.
    pub fn sees_only(&self) -> Option<ServiceName> {
        self.name.clone().filter(|_| !self.sees_all())
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
        self.sees_all()
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

    fn principal(name: Option<&str>, role: Role) -> Principal {
        let name = name.map(service);
        Principal { name, role }
    }

    /// Who may do it besides the one whose it is.
    #[derive(Clone, Copy)]
    enum Others {
        /// Operators, and it itself.
        Act,
        /// Viewers and operators, and it itself.
        See,
        /// Operators alone.
        Decide,
        /// Viewers and operators alone.
        Watch,
    }

    /// Each operation on what is the shop's.
    fn operations(shop: &ServiceName) -> [(Operation<'_>, Others); 24] {
        use Others::{Act, Decide, See, Watch};
        [
            (Operation::ActFor(shop), Act),
            (Operation::ReceiveMessages(shop), Act),
            (Operation::RemoveMessage(shop), Act),
            (Operation::ChangeDeadLetter(shop), Act),
            (Operation::DeleteDeadLetter(shop), Act),
            (Operation::SendAgain(shop, shop), Act),
            (Operation::RegisterInstance(shop), Act),
            (Operation::DeregisterService(shop), Act),
            (Operation::ChangeInstance(shop), Act),
            (Operation::ChooseStrategy(shop), Act),
            (Operation::ListSubscriptions(shop), See),
            (Operation::SwitchQueue, Decide),
            (Operation::ClearQueue, Decide),
            (Operation::SeeRedrives, Watch),
            (Operation::RunRedrives, Decide),
            (Operation::SeeQuotas, Watch),
            (Operation::SetQuota, Decide),
            (Operation::SeeCircuits, Watch),
            (Operation::ForceCircuit, Decide),
            (Operation::ReplaceState, Decide),
            (Operation::SeeSockets, Watch),
            (Operation::SeeKeys, Watch),
            (Operation::SeeOverview, Watch),
            (Operation::SeeUsage, Watch),
        ]
    }

    #[test]
    fn operators_may_do_all_viewers_see_all_and_others_do_what_is_theirs() {
        let shop = service("shop");
        for (operation, others) in operations(&shop) {
            let is_the_shops = matches!(others, Others::Act | Others::See);
            let is_seen = matches!(others, Others::See | Others::Watch);
            let told = match others {
                Others::Act => "only shop itself or an operator may do this",
                Others::See => "only shop itself, a viewer or an operator may see this",
                Others::Watch => "only a viewer or an operator may see this",
                Others::Decide => "only an operator may do this",
            };
            for (who, may) in [
                (principal(Some("boss"), Role::Operator), true),
                (principal(None, Role::Operator), true),
                (principal(Some("eye"), Role::Viewer), is_seen),
                (
                    principal(Some("shop"), Role::Viewer),
                    is_the_shops || is_seen,
                ),
                (principal(Some("shop"), Role::Service), is_the_shops),
                (principal(Some("mail"), Role::Service), false),
                (principal(None, Role::Service), false),
            ] {
                let denied = who.may(operation).err();
                assert_eq!(denied.is_none(), may, "{who:?} {operation:?}");
                if let Some(error) = denied {
                    assert_eq!(
                        (error.code(), &*error.to_string()),
                        (ErrorCode::AuthFailed, told)
                    );
                }
            }
        }
    }

    #[test]
    fn what_did_not_arrive_is_tried_again_by_its_ends_and_by_no_viewer() {
        let (shop, mail) = (service("shop"), service("mail"));
        for (who, may) in [
            (principal(Some("shop"), Role::Service), true),
            (principal(Some("mail"), Role::Service), true),
            (principal(Some("mail"), Role::Viewer), true),
            (principal(Some("eye"), Role::Viewer), false),
            (principal(Some("bank"), Role::Service), false),
            (principal(None, Role::Operator), true),
        ] {
            let denied = who.may(Operation::SendAgain(&shop, &mail)).err();
            assert_eq!(denied.is_none(), may, "{who:?}");
            if let Some(error) = denied {
                assert_eq!(
                    error.to_string(),
                    "only shop, mail or an operator may do this"
                );
            }
        }
    }

    #[test]
    fn a_message_is_seen_by_its_ends_and_by_who_sees_all() {
        let (shop, mail) = (service("shop"), service("mail"));
        for (who, sees) in [
            (principal(Some("shop"), Role::Service), true),
            (principal(Some("mail"), Role::Service), true),
            (principal(Some("bank"), Role::Service), false),
            (principal(None, Role::Service), false),
            (principal(Some("bank"), Role::Viewer), true),
            (principal(Some("bank"), Role::Operator), true),
        ] {
            assert_eq!(who.may_see(&shop, &mail), sees, "{who:?}");
        }
    }

    #[test]
    fn who_is_bound_to_its_own_name_in_acting_and_in_seeing() {
        let shop = Some(service("shop"));
        for (role, acts, sees) in [
            (Role::Service, shop.clone(), shop.clone()),
            (Role::Viewer, shop, None),
            (Role::Operator, None, None),
        ] {
            let who = principal(Some("shop"), role);
            assert_eq!(
                (who.acts_only_for(), who.sees_only()),
                (acts, sees),
                "{role:?}"
            );
        }
        assert_eq!(principal(None, Role::Operator).acts_only_for(), None);
    }
}
