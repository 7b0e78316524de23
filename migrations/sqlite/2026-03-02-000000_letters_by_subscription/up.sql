ALTER TABLE event_letters ADD COLUMN subscription_id TEXT NOT NULL DEFAULT '';
UPDATE event_letters SET subscription_id = json_extract(letter, '$.subscription_id');
CREATE INDEX event_letters_by_subscription ON event_letters (subscription_id);
