//! How a route is written: a method and its handler. The handler of whatever may change something
//! says what becomes of a body, or it does not compile: a body that nobody looks at may have meant
//! only a part of what is done.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder, Route, web};

use super::error::HttpError;
use super::requests::Requests;

/// What is done at a path by one method.
pub struct Way {
    method: Method,
    route: Route,
}

/// What is done with a body; always the last argument of a handler.
pub(crate) trait OfBody {}

/// The arguments of a handler that looks at the body.
pub(crate) trait WithBody {}

impl<A, B: OfBody> WithBody for (A, B) {}
impl<A, B, C: OfBody> WithBody for (A, B, C) {}
impl<A, B, C, D: OfBody> WithBody for (A, B, C, D) {}

fn way<F, Args>(method: Method, handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::method(method.clone()).to(handler);
    Way { method, route }
}

pub(crate) fn get<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    way(Method::GET, handler)
}

pub(crate) fn head<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    way(Method::HEAD, handler)
}

pub(crate) fn post<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    way(Method::POST, handler)
}

pub(crate) fn put<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    way(Method::PUT, handler)
}

pub(crate) fn patch<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    way(Method::PATCH, handler)
}

pub(crate) fn delete<F, Args>(handler: F) -> Way
where
    F: Handler<Args>,
    Args: FromRequest + WithBody + 'static,
    F::Output: Responder + 'static,
{
    way(Method::DELETE, handler)
}

/// In which order `Allow` names them.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// What is done at which path. Of two that fit, the first one is taken.
#[derive(Default)]
pub struct Routes(Vec<(&'static str, Vec<Way>)>);

impl Routes {
    /// What is done at a path by these methods, beside what others do there by theirs.
    pub fn at(&mut self, path: &'static str, ways: impl IntoIterator<Item = Way>) {
        let known = self.0.iter().position(|(known, _)| *known == path);
        let place = known.unwrap_or_else(|| {
            self.0.push((path, Vec::new()));
            self.0.len() - 1
        });
        let known = &mut self.0[place].1;
        for way in ways {
            let is_twice = known.iter().any(|known| known.method == way.method);
            debug_assert!(!is_twice, "{} {path} is there twice", way.method);
            known.push(way);
        }
    }

    /// The paths with their methods, as in `Allow`.
    pub fn allowed(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().map(|(path, ways)| (*path, allow(ways)))
    }

    /// Has the server do it, and count the requests of each path in `requests`; any other method is
    /// answered 405, any other path 404.
    pub fn register(self, config: &mut web::ServiceConfig, requests: &Requests) {
        config.default_service(web::route().to(no_route));
        for (path, ways) in self.0 {
            let allow: Arc<str> = allow(&ways).into();
            let mut resource = web::resource(path).app_data(requests.route(path));
            for way in ways {
                resource = resource.route(way.route);
            }
            let refuse = move |method: Method| {
                let allow = allow.clone();
                async move {
                    let method = method.to_string();
                    Err::<HttpResponse, _>(HttpError::MethodNotAllowed { method, allow })
                }
            };
            config.service(resource.default_service(web::route().to(refuse)));
        }
    }
}

fn allow(ways: &[Way]) -> String {
    let is_taken = |method: &&Method| ways.iter().any(|way| way.method == **method);
    let names = METHODS.iter().filter(is_taken).map(Method::as_str);
    names.collect::<Vec<_>>().join(", ")
}

async fn no_route(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    Err(HttpError::NoRoute(request.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use actix_web::dev::Payload;

    use super::*;

    async fn nothing() -> HttpResponse {
        HttpResponse::NoContent().finish()
    }

    async fn change(_: (), _: Ignoring) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }

    /// Looks at no body.
    struct Ignoring;

    impl OfBody for Ignoring {}

    impl FromRequest for Ignoring {
        type Error = HttpError;
        type Future = Ready<Result<Self, HttpError>>;

        fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
            ready(Ok(Self))
        }
    }

    #[test]
    fn a_path_takes_what_all_of_them_do_there() {
        let mut routes = Routes::default();
        routes.at("/a", [head(nothing), get(nothing)]);
        routes.at("/b", [get(nothing)]);
        routes.at("/a", [post(change)]);
        let allowed: Vec<_> = routes.allowed().collect();
        let expected = [
            ("/a", "GET, HEAD, POST".to_owned()),
            ("/b", "GET".to_owned()),
        ];
        assert_eq!(allowed, expected);
    }
}
