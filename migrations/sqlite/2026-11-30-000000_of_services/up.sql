-- What a service sent and what it is to receive are two lists, each with an index of its own also
-- where only the few that were not delivered are looked for.
CREATE INDEX messages_undelivered_by_source ON messages (source, position)
    WHERE state <> 'delivered';
CREATE INDEX messages_undelivered_by_destination ON messages (destination, position)
    WHERE state <> 'delivered';
CREATE INDEX event_letters_by_source ON event_letters (source);
