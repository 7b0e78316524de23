//! What `/health` answered lately.

use actix_web::http::StatusCode;
use bytes::Bytes;

use crate::hub::lately::Lately;

/// What was answered last, to those who see names and to the others.
#[derive(Default)]
pub(crate) struct Told {
    with_names: Lately<WrittenHealth>,
    in_numbers: Lately<WrittenHealth>,
}

impl Told {
    pub(crate) fn to(&self, sees_names: bool) -> &Lately<WrittenHealth> {
        match sees_names {
            true => &self.with_names,
            false => &self.in_numbers,
        }
    }
}

/// An answer that is written already.
pub(crate) struct WrittenHealth {
    pub code: StatusCode,
    pub body: Bytes,
}
