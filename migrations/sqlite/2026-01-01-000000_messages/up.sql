-- Times are milliseconds since the Unix epoch, ids the 16 bytes of a UUID.
CREATE TABLE messages (
    -- The journal position of acceptance; lists are ordered by it.
    position INTEGER PRIMARY KEY NOT NULL,
    id BLOB NOT NULL UNIQUE,
    destination TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority TEXT NOT NULL,
    -- NULL: the message's own id.
    correlation_id TEXT,
    payload TEXT NOT NULL,
    -- JSON; NULL: none.
    extras TEXT,
    accepted_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- 'queued' stands for everything that is not settled.
    state TEXT NOT NULL,
    settled_at INTEGER,
    reason TEXT,
    -- One line of JSON for each finished attempt.
    attempts TEXT NOT NULL DEFAULT '',
    -- Attempts since the last redrive.
    delivery_attempts INTEGER NOT NULL DEFAULT 0,
    redriven INTEGER NOT NULL DEFAULT 0,
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

-- Everything in the journal up to this position is in the tables above.
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    position INTEGER NOT NULL
);
INSERT INTO checkpoint (id, position) VALUES (1, 0);
