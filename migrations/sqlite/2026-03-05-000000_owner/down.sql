ALTER TABLE checkpoint DROP COLUMN life;
ALTER TABLE checkpoint DROP COLUMN hub;
