ALTER TABLE messages DROP COLUMN content_type;
ALTER TABLE messages DROP COLUMN body;
