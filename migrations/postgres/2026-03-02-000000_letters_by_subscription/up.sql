-- The id of its subscription is at the same place in every letter.
CREATE INDEX event_letters_by_subscription ON event_letters (substr(letter, 65, 36), position);
