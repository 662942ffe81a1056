-- What a listing shows of each document, as it was when it was stored: else each would read all texts and passages.
CREATE TABLE listing (
    document_id text COLLATE "C" PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    characters integer NOT NULL,
    passages integer NOT NULL,
    sentences integer NOT NULL,
    tokens integer NOT NULL
);
INSERT INTO listing
    SELECT d.id, length(d.text), count(p.row),
           coalesce(sum(octet_length(p.sentence_vectors) / (2 * vector_dims(p.vector))), 0), coalesce(sum(p.tokens), 0)
    FROM documents d LEFT JOIN passages p ON p.document_id = d.id GROUP BY d.id;

-- No change can forget it. A document that goes takes its row along.
CREATE FUNCTION list_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO listing SELECT id, length(text), 0, 0, 0 FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER list_document AFTER INSERT ON documents REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION list_document();

CREATE FUNCTION list_passages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE listing l SET passages = l.passages + a.passages, sentences = l.sentences + a.sentences,
                         tokens = l.tokens + a.tokens
    FROM (SELECT document_id, count(*) AS passages, sum(json_array_length(sentences::json)) AS sentences,
                 sum(tokens) AS tokens FROM added GROUP BY document_id) a
    WHERE l.document_id = a.document_id;
    RETURN NULL;
END $$;
CREATE TRIGGER list_passages AFTER INSERT ON passages REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION list_passages();

-- Words are found in the index alone where a page is known to be visible to all: tell that sooner than by default.
ALTER TABLE postings SET (autovacuum_vacuum_insert_scale_factor = 0.05);
