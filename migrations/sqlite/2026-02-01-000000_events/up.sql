-- Names are long and few: events say a number instead.
CREATE TABLE event_types (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL,
    type_id INTEGER NOT NULL,
    source TEXT NOT NULL,
    -- By the hub's clock; never falls while the sequence rises.
    published_at INTEGER NOT NULL,
    -- NULL both: of no stream.
    stream_id TEXT,
    stream_version INTEGER,
    -- NULL: the event's own id.
    correlation_id TEXT,
    causation_id TEXT,
    payload TEXT NOT NULL,
    -- JSON; NULL: none.
    extras TEXT
);

-- Every index ends with the row's number, the sequence: each is in the order of pages as well.
-- The ids are unique because the writer sees to it. An index that insisted could refuse a batch,
-- and with it everything after.
CREATE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (type_id);
CREATE INDEX events_by_source ON events (source);
CREATE INDEX events_by_time ON events (published_at);
CREATE INDEX events_by_stream ON events (stream_id) WHERE stream_id IS NOT NULL;
CREATE INDEX events_by_version ON events (stream_id, stream_version) WHERE stream_id IS NOT NULL;
CREATE INDEX events_by_correlation ON events (correlation_id) WHERE correlation_id IS NOT NULL;

CREATE TABLE snapshots (
    stream_id TEXT NOT NULL,
    -- The last event in it.
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- A JSON object.
    state TEXT NOT NULL,
    PRIMARY KEY (stream_id, version)
);

-- Dead letters of subscriptions.
CREATE TABLE event_letters (
    -- The journal position of its death; lists are ordered by it.
    position INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    -- The subscriber.
    service TEXT NOT NULL,
    -- Of the event; its own id if it names no correlation id.
    source TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    died_at INTEGER NOT NULL,
    -- Everything, as JSON.
    letter TEXT NOT NULL
);

CREATE INDEX event_letters_by_service ON event_letters (service);
CREATE INDEX event_letters_by_correlation ON event_letters (correlation_id);
