-- What a service sent and what it is to receive are two lists, each with an index of its own also
-- where only the few that failed are looked for. What is still owed is in none of them any more, as
-- every message would be for a while: the hub has it in memory.
DROP INDEX messages_undelivered;
CREATE INDEX messages_failed ON messages (position, state, destination)
    WHERE state <> 'delivered' AND state <> 'queued';
CREATE INDEX messages_failed_by_source ON messages (source, position)
    WHERE state <> 'delivered' AND state <> 'queued';
CREATE INDEX messages_failed_by_destination ON messages (destination, position)
    WHERE state <> 'delivered' AND state <> 'queued';
CREATE INDEX event_letters_by_source ON event_letters (source);
