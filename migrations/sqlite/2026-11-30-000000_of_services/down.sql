DROP INDEX event_letters_by_source;
DROP INDEX messages_failed_by_destination;
DROP INDEX messages_failed_by_source;
DROP INDEX messages_failed;
CREATE INDEX messages_undelivered ON messages (position, state, destination)
    WHERE state <> 'delivered';
