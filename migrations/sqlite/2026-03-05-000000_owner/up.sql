-- The hub whose journal is brought here; NULL: the next one that comes.
ALTER TABLE checkpoint ADD COLUMN hub TEXT;
-- Rises each time that hub starts: what an earlier life of it still sends is refused.
ALTER TABLE checkpoint ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
