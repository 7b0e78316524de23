-- The hub whose journal is brought here; NULL: the next one that comes.
ALTER TABLE checkpoint ADD COLUMN hub TEXT;
-- Which start of that hub it was that wrote last, as noted in its journal.
ALTER TABLE checkpoint ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
