-- Two shards as one, for questions that a program of yours asks: citechat itself asks one database (docs/deploy.md, "Growing").
-- Run as a superuser in the database that is to show both; each shard has citechat's tables in its schema citechat.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;

-- `extensions` lets a shard compare vectors itself, so that only its nearest come over the network.
CREATE SERVER citechat_shard_1 FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host 'db1.example', port '5432', dbname 'citechat', extensions 'vector', async_capable 'true');
CREATE SERVER citechat_shard_2 FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host 'db2.example', port '5432', dbname 'citechat', extensions 'vector', async_capable 'true');
CREATE USER MAPPING FOR PUBLIC SERVER citechat_shard_1 OPTIONS (user 'citechat_reader', password '...');
CREATE USER MAPPING FOR PUBLIC SERVER citechat_shard_2 OPTIONS (user 'citechat_reader', password '...');

CREATE SCHEMA citechat_shard_1;
CREATE SCHEMA citechat_shard_2;
IMPORT FOREIGN SCHEMA citechat LIMIT TO (passages, postings, terms, state) FROM SERVER citechat_shard_1 INTO citechat_shard_1;
IMPORT FOREIGN SCHEMA citechat LIMIT TO (passages, postings, terms, state) FROM SERVER citechat_shard_2 INTO citechat_shard_2;

-- The nearest passages of both.
CREATE FUNCTION citechat_shard_1.nearest(query vector, number integer) RETURNS TABLE (id text, score float8)
LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT u.id, u.score FROM (
        (SELECT p.id, -(p.vector <#> query) AS score FROM citechat_shard_1.passages p ORDER BY p.vector <#> query LIMIT number)
        UNION ALL
        (SELECT p.id, -(p.vector <#> query) AS score FROM citechat_shard_2.passages p ORDER BY p.vector <#> query LIMIT number)
    ) u ORDER BY u.score DESC, u.id LIMIT number;
END;

-- What BM25 needs of both: how many passages there are, how long they are together, and how many hold each word.
CREATE VIEW citechat_shard_1.state_of_both AS
    SELECT sum(passages)::bigint AS passages, sum(length)::bigint AS length FROM
        (SELECT passages, length FROM citechat_shard_1.state UNION ALL SELECT passages, length FROM citechat_shard_2.state) s;
CREATE VIEW citechat_shard_1.terms_of_both AS
    SELECT term, sum(passages)::bigint AS passages FROM
        (SELECT term, passages FROM citechat_shard_1.terms UNION ALL SELECT term, passages FROM citechat_shard_2.terms) t
    GROUP BY term;
