-- Roles for the database, run once in it as a superuser: psql --set=ON_ERROR_STOP=1 --file=docs/deploy/roles.sql citechat
-- Give each a password then: ALTER ROLE citechat_owner PASSWORD '...'; or let it in by a certificate.

CREATE EXTENSION IF NOT EXISTS vector;

-- Makes and changes the tables: workers, `citechat index ...`, and web servers whose operator changes documents.
CREATE ROLE citechat_owner LOGIN;
CREATE SCHEMA citechat AUTHORIZATION citechat_owner;

-- Web servers that only answer: they read the index and write what readers leave. Run `citechat index stats` once as the
-- owner, which makes the tables, then the rest.
CREATE ROLE citechat_web LOGIN;
GRANT USAGE ON SCHEMA citechat TO citechat_web;
ALTER DEFAULT PRIVILEGES FOR ROLE citechat_owner IN SCHEMA citechat GRANT SELECT ON TABLES TO citechat_web;
ALTER ROLE citechat_web SET statement_timeout = '60s';
ALTER ROLE citechat_web SET idle_in_transaction_session_timeout = '5min';
