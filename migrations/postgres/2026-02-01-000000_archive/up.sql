-- Times are milliseconds since the Unix epoch, ids the 16 bytes of a UUID. JSON is kept as text,
-- byte for byte. The same tables as in SQLite, whose migrations say what is in them.
CREATE TABLE messages (
    position BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    destination TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority TEXT NOT NULL,
    correlation_id TEXT,
    payload TEXT NOT NULL,
    extras TEXT,
    accepted_at BIGINT NOT NULL,
    expires_at BIGINT,
    state TEXT NOT NULL,
    settled_at BIGINT,
    reason TEXT,
    attempts TEXT NOT NULL DEFAULT '',
    delivery_attempts BIGINT NOT NULL DEFAULT 0,
    redriven BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    dead_letter BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE INDEX messages_by_destination ON messages (destination, position);
CREATE INDEX messages_by_source ON messages (source, position);
CREATE INDEX messages_by_correlation ON messages (correlation_id, position)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX messages_undelivered ON messages (position, state, destination)
    WHERE state <> 'delivered';
CREATE INDEX dead_letters ON messages (position) WHERE dead_letter;
CREATE INDEX dead_letters_by_destination ON messages (destination, position) WHERE dead_letter;

CREATE TABLE event_types (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Compared byte by byte, so that names that begin alike are neighbours.
    name TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE events (
    sequence BIGINT PRIMARY KEY,
    id BYTEA NOT NULL,
    type_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    stream_id TEXT,
    stream_version BIGINT,
    correlation_id TEXT,
    causation_id TEXT,
    payload TEXT NOT NULL,
    extras TEXT
);

CREATE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (type_id, sequence);
CREATE INDEX events_by_source ON events (source, sequence);
CREATE INDEX events_by_time ON events (published_at, sequence);
CREATE INDEX events_by_stream ON events (stream_id, sequence) WHERE stream_id IS NOT NULL;
CREATE INDEX events_by_version ON events (stream_id, stream_version)
    WHERE stream_id IS NOT NULL;
CREATE INDEX events_by_correlation ON events (correlation_id, sequence)
    WHERE correlation_id IS NOT NULL;

CREATE TABLE snapshots (
    stream_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (stream_id, version)
);

CREATE TABLE event_letters (
    position BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    service TEXT NOT NULL,
    source TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    died_at BIGINT NOT NULL,
    letter TEXT NOT NULL
);

CREATE INDEX event_letters_by_service ON event_letters (service, position);
CREATE INDEX event_letters_by_correlation ON event_letters (correlation_id, position);

CREATE TABLE checkpoint (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL
);
INSERT INTO checkpoint (id, position) VALUES (1, 0);
