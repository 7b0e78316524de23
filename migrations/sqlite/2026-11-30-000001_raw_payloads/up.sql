-- A payload that is no JSON: its bytes, and what its sender said they are. The payload is '' then.
ALTER TABLE messages ADD COLUMN body BLOB;
ALTER TABLE messages ADD COLUMN content_type TEXT;
