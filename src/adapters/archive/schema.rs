//! The tables, as `diesel print-schema` writes them (integers widened to 64 bits).

diesel::table! {
    messages (position) {
        position -> BigInt,
        id -> Binary,
        destination -> Text,
        source -> Text,
        kind -> Text,
        priority -> Text,
        correlation_id -> Nullable<Text>,
        payload -> Text,
        extras -> Nullable<Text>,
        accepted_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        state -> Text,
        settled_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        attempts -> Text,
        delivery_attempts -> BigInt,
        redriven -> BigInt,
        last_error -> Nullable<Text>,
        dead_letter -> Bool,
    }
}

diesel::table! {
    checkpoint (id) {
        id -> BigInt,
        position -> BigInt,
    }
}
