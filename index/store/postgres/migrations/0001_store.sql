-- The tables of the store. What is derived (vector search, postings, fields) can be made again from the rest.
CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);

CREATE TABLE state (
    revision bigint NOT NULL,     -- grows with every change
    name uuid NOT NULL,           -- of the present content; no other content has it
    passages bigint NOT NULL,
    length bigint NOT NULL        -- of all passages together, in terms
);
INSERT INTO state VALUES (0, gen_random_uuid(), 0, 0);

CREATE TABLE documents (
    id text COLLATE "C" PRIMARY KEY,  -- first 16 hex digits of the SHA-256 of the file
    title text NOT NULL,
    text text NOT NULL,
    metadata text NOT NULL,       -- JSON object of strings
    pages text NOT NULL,          -- JSON list of [number, start, end]
    blocks text NOT NULL,         -- JSON list of [kind, start, end, level]
    checksum text NOT NULL        -- SHA-256 of the rest of the row as in SQLite, checked by verify; likewise below
);

CREATE TABLE origins (
    location text COLLATE "C" PRIMARY KEY,
    source text COLLATE "C" NOT NULL UNIQUE,
    size bigint NOT NULL,
    modified_ns bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    document_id text COLLATE "C" NOT NULL REFERENCES documents (id),
    checksum text NOT NULL,
    value text COLLATE "C" NOT NULL,  -- the source as filters compare it, as in fields
    date text COLLATE "C",
    number numeric
);
CREATE INDEX origins_document ON origins (document_id);
CREATE INDEX origins_value ON origins (left(value, 200));
CREATE INDEX origins_digest ON origins (digest);

CREATE TABLE passages (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    document_id text COLLATE "C" NOT NULL REFERENCES documents (id),
    ordinal integer NOT NULL,
    start integer NOT NULL,
    "end" integer NOT NULL,
    heading text NOT NULL,
    context text NOT NULL,
    text text NOT NULL,
    sentences text NOT NULL,      -- JSON list of [start, end]
    digest text COLLATE "C" NOT NULL,
    tokens integer NOT NULL,
    vector vector NOT NULL,       -- unit length; half precision in the index over it
    sentence_vectors bytea NOT NULL,  -- float16 rows, one a sentence
    checksum text NOT NULL,
    length integer NOT NULL       -- in terms, context and text together
) WITH (toast_tuple_target = 4000);  -- so that text stays beside the vector, which is compared where it lies
ALTER TABLE passages ALTER sentence_vectors SET STORAGE EXTERNAL;
CREATE INDEX passages_document ON passages (document_id, ordinal) INCLUDE (row);
CREATE INDEX passages_digest ON passages (digest);

CREATE TABLE terms (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term text COLLATE "C" NOT NULL UNIQUE,
    passages integer NOT NULL     -- that hold it
) WITH (fillfactor = 70);

CREATE TABLE postings (
    row bigint NOT NULL,          -- of passages; no foreign key, which would be looked up for each word
    term integer NOT NULL,
    frequency integer NOT NULL,   -- twice in the text and once in the context count each occurrence
    length integer NOT NULL,      -- of the passage, so that a score needs nothing else
    positions bytea NOT NULL      -- uint32, little-endian: twice the place in its column, one more in the text
);
CREATE UNIQUE INDEX postings_term ON postings (term, row) INCLUDE (frequency, length);
CREATE INDEX postings_row ON postings (row);

-- What filters may ask for. A document's values have no row; heading and page have that of their passage.
CREATE TABLE fields (
    document_id text COLLATE "C" NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    row bigint,
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,  -- without case, in Unicode's composed form
    date text COLLATE "C",
    number numeric
);
CREATE INDEX fields_value ON fields (name, left(value, 200));
CREATE INDEX fields_document ON fields (document_id);
