DROP INDEX event_letters_by_subscription;
ALTER TABLE event_letters DROP COLUMN subscription_id;
