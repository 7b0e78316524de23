DROP TABLE checkpoint;
DROP TABLE messages;
