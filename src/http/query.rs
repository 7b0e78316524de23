//! Query strings, read name by name so that each refusal names its parameter.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::Query as WebQuery;

use crate::domain::ids::{Position, ServiceName};
use crate::domain::timestamp::Timestamp;
use crate::error::{HubError, Subject};

const DEFAULT_LIMIT: usize = 100;
const MOST_LIMIT: usize = 1000;

pub struct Query(BTreeMap<String, String>);

impl Query {
    /// # Errors
    /// 400 for a query that cannot be decoded or names something twice.
    pub fn of(request: &HttpRequest) -> Result<Self, HubError> {
        let pairs = WebQuery::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|error| HubError::invalid(Subject::Request, "query", error))?;
        let mut map = BTreeMap::new();
        for (name, value) in pairs.into_inner() {
            if map.contains_key(&name) {
                return Err(HubError::invalid(Subject::Request, name, "is given twice"));
            }
            map.insert(name, value);
        }
        Ok(Self(map))
    }

    /// The parameter as it is, if it is given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What `read` makes of the parameter, if it is given and not empty.
    pub fn read<T, E: ToString>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, HubError> {
        match self.0.get(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => read(value).map(Some).map_err(|error| wrong(name, error)),
        }
    }

    /// For what widens a request when it is left out, perhaps by mistake.
    ///
    /// # Errors
    /// 400 if the parameter is given without a value.
    pub fn never_empty(&self, name: &str) -> Result<(), HubError> {
        match self.0.get(name) {
            Some(value) if value.is_empty() => Err(wrong(name, "must not be empty")),
            _ => Ok(()),
        }
    }

    pub fn service(&self, name: &str) -> Result<Option<ServiceName>, HubError> {
        self.read(name, ServiceName::parse)
    }

    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, HubError> {
        self.read(name, Timestamp::parse)
    }

    /// One of a few words.
    pub fn word<T>(
        &self,
        name: &str,
        known: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, HubError> {
        self.read(name, |value| {
            read(value).ok_or_else(|| format!("must be one of {known}"))
        })
    }

    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, HubError> {
        self.read(name, |value| match value.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("must be a whole number from {least} to {most}")),
        })
    }

    /// `limit`: how many items a page may have.
    pub fn limit(&self) -> Result<usize, HubError> {
        let limit = self.number("limit", 1, MOST_LIMIT as u64)?;
        Ok(limit.map_or(DEFAULT_LIMIT, |limit| limit as usize))
    }

    /// `cursor`: where the page before ended.
    pub fn cursor(&self) -> Result<Option<Position>, HubError> {
        let problem = "must be the next_cursor of an earlier answer";
        self.read("cursor", |value| {
            // The archive counts in 63 bits.
            let position = value.parse::<i64>().map_err(|_| problem)?;
            Position::try_from(position).map_err(|_| problem)
        })
    }
}

fn wrong(name: &str, problem: impl ToString) -> HubError {
    HubError::invalid(Subject::Request, name, problem)
}

/// A path segment that must be a UUID.
pub fn uuid(name: &str, text: &str) -> Result<uuid::Uuid, HubError> {
    uuid::Uuid::try_parse(text).map_err(|_| wrong(name, "must be a UUID"))
}

/// A path segment that must be a service name.
pub fn service(text: &str) -> Result<ServiceName, HubError> {
    ServiceName::parse(text).map_err(|error| wrong("service", error))
}
