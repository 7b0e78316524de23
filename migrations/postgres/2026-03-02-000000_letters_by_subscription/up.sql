ALTER TABLE event_letters ADD COLUMN subscription_id TEXT NOT NULL DEFAULT '';
-- As JSON and not as text, which would fail at a payload with a zero character in it.
UPDATE event_letters SET subscription_id =
    trim(BOTH '"' FROM (letter::json -> 'subscription_id')::text);
CREATE INDEX event_letters_by_subscription ON event_letters (subscription_id, position);
