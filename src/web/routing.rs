//! How a route is written: a method and its handler. The handler of whatever may change something
//! says what becomes of a body, or it does not compile: a body that nobody looks at may have meant
//! only a part of what is done.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpResponse, Responder, Route, web};

use super::error::HttpError;
use super::requests::Requests;

/// One method of a path.
pub struct Way(Route);

impl Way {
    pub fn into_route(self) -> Route {
        self.0
    }
}

/// What is done with a body; always the last argument of a handler.
pub(crate) trait OfBody {}

/// The arguments of a handler that looks at the body.
pub(crate) trait WithBody {}

impl<A, B: OfBody> WithBody for (A, B) {}
impl<A, B, C: OfBody> WithBody for (A, B, C) {}
impl<A, B, C, D: OfBody> WithBody for (A, B, C, D) {}

pub(crate) fn get<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Way(web::get().to(handler))
}

pub(crate) fn head<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Way(web::head().to(handler))
}

fn changing<F, Args>(route: Route, handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    Way(route.to(handler))
}

pub(crate) fn post<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    changing(web::post(), handler)
}

pub(crate) fn put<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    changing(web::put(), handler)
}

pub(crate) fn patch<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    changing(web::patch(), handler)
}

pub(crate) fn delete<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    changing(web::delete(), handler)
}

/// Where every resource registers its paths.
pub struct Routes<'a> {
    config: &'a mut web::ServiceConfig,
    /// Where a route counts its requests.
    requests: &'a Requests,
    registered: Vec<(&'static str, &'static str)>,
}

impl<'a> Routes<'a> {
    pub fn new(config: &'a mut web::ServiceConfig, requests: &'a Requests) -> Self {
        Self {
            config,
            requests,
            registered: Vec::new(),
        }
    }

    /// The paths with their methods, as in `Allow`.
    pub fn registered(self) -> Vec<(&'static str, &'static str)> {
        self.registered
    }

    /// A path with its routes; any other method is answered 405 with `allow`.
    pub fn at(
        &mut self,
        path: &'static str,
        allow: &'static str,
        routes: impl IntoIterator<Item = Way>,
    ) {
        let mut resource = web::resource(path).app_data(self.requests.route(path));
        for route in routes {
            resource = resource.route(route.into_route());
        }
        let refuse = move |method: Method| async move {
            Err::<HttpResponse, _>(HttpError::MethodNotAllowed {
                method: method.to_string(),
                allow,
            })
        };
        self.config
            .service(resource.default_service(web::route().to(refuse)));
        self.registered.push((path, allow));
    }
}
