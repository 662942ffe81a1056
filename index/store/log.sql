-- What happened to the rows, so that whatever is derived from them can follow without reading them all.
CREATE TABLE history (revision INTEGER PRIMARY KEY, state TEXT NOT NULL);  -- every state of the content, by revision
CREATE TABLE removed (revision INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (revision, row)) WITHOUT ROWID;
CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
    INSERT INTO removed SELECT value + 1, old.row FROM meta WHERE key = 'revision';
END;
CREATE INDEX origins_digest ON origins (digest);
