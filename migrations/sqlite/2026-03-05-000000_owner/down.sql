ALTER TABLE checkpoint DROP COLUMN epoch;
ALTER TABLE checkpoint DROP COLUMN hub;
