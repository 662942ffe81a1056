-- The single source of truth. Vectors are stored too, so whatever is derived from them can be made again.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE documents (
    id TEXT PRIMARY KEY,          -- first 16 hex digits of the SHA-256 of the file
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,       -- JSON object of strings
    pages TEXT NOT NULL,          -- JSON list of [number, start, end]
    blocks TEXT NOT NULL,         -- JSON list of [kind, start, end, level]
    checksum TEXT NOT NULL        -- SHA-256 of the rest of the row, checked by verify; likewise below
) WITHOUT ROWID;

CREATE TABLE origins (
    location TEXT PRIMARY KEY,
    source TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    digest TEXT NOT NULL,
    document_id TEXT NOT NULL REFERENCES documents (id),
    checksum TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX origins_document ON origins (document_id);

CREATE TABLE passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: a stale reference finds nothing, not another passage
    id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id),
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    heading TEXT NOT NULL,
    context TEXT NOT NULL,
    text TEXT NOT NULL,
    sentences TEXT NOT NULL,      -- JSON list of [start, end]
    digest TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    vector BLOB NOT NULL,         -- float32, unit length
    sentence_vectors BLOB NOT NULL, -- float16 rows, one a sentence
    checksum TEXT NOT NULL
);
CREATE INDEX passages_document ON passages (document_id, ordinal);
CREATE INDEX passages_digest ON passages (digest);

CREATE VIRTUAL TABLE passages_fts USING fts5 (
    context, text, content = 'passages', content_rowid = 'row', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE passages_vocabulary USING fts5vocab (passages_fts, 'row');
CREATE TRIGGER passages_inserted AFTER INSERT ON passages BEGIN
    INSERT INTO passages_fts (rowid, context, text) VALUES (new.row, new.context, new.text);
END;
CREATE TRIGGER passages_deleted AFTER DELETE ON passages BEGIN
    INSERT INTO passages_fts (passages_fts, rowid, context, text)
    VALUES ('delete', old.row, old.context, old.text);
END;
