//! A page of a list: `{"items_name": […], "count": n, "next_cursor": "…"|null}`.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::ids::Position;

/// The answer for one page; `next` is where the next begins, if there is more.
pub fn page<T: Serialize>(name: &str, items: &[T], next: Option<Position>) -> HttpResponse {
    let mut answer = Map::new();
    answer.insert(name.to_owned(), json!(items));
    answer.insert("count".to_owned(), json!(items.len()));
    let next = next.map_or(Value::Null, |position| json!(position.to_string()));
    answer.insert("next_cursor".to_owned(), next);
    HttpResponse::Ok().json(answer)
}
