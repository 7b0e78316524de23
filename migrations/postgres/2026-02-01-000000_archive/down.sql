DROP TABLE checkpoint;
DROP TABLE event_letters;
DROP TABLE snapshots;
DROP TABLE events;
DROP TABLE event_types;
DROP TABLE messages;
