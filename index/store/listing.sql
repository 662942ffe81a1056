-- What a listing shows of each document, and the sums of it: else both would read every text.
CREATE TABLE listing (
    document_id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    metadata TEXT NOT NULL,
    characters INTEGER NOT NULL,
    passages INTEGER NOT NULL,
    sentences INTEGER NOT NULL,
    tokens INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE totals (
    documents INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    sources INTEGER NOT NULL,
    passages INTEGER NOT NULL,
    sentences INTEGER NOT NULL,
    tokens INTEGER NOT NULL
);
CREATE TRIGGER listing_inserted AFTER INSERT ON listing BEGIN
    UPDATE totals SET documents = documents + 1, characters = characters + new.characters,
        passages = passages + new.passages, sentences = sentences + new.sentences, tokens = tokens + new.tokens;
END;
CREATE TRIGGER listing_deleted AFTER DELETE ON listing BEGIN
    UPDATE totals SET documents = documents - 1, characters = characters - old.characters,
        passages = passages - old.passages, sentences = sentences - old.sentences, tokens = tokens - old.tokens;
END;
CREATE TRIGGER origins_inserted AFTER INSERT ON origins BEGIN UPDATE totals SET sources = sources + 1; END;
CREATE TRIGGER origins_deleted AFTER DELETE ON origins BEGIN UPDATE totals SET sources = sources - 1; END;
