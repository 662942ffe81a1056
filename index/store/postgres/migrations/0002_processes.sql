-- What several processes share besides the index. Every time is the server's: the clocks of the hosts do not matter.
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location text COLLATE "C" NOT NULL,   -- of the file, as in origins
    path bytea NOT NULL,                  -- as the system has it, whatever bytes it consists of
    name text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    again boolean NOT NULL DEFAULT false, -- it was queued once more while it ran
    ready timestamptz NOT NULL DEFAULT now(),  -- not before this is it taken
    queued timestamptz NOT NULL DEFAULT now(),
    ended timestamptz,
    worker text NOT NULL DEFAULT '',
    lease uuid,                           -- of the attempt that runs; another one's word does not count
    leased_until timestamptz,
    passages integer NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT ''       -- why it failed, or what of it could not be read
);
CREATE UNIQUE INDEX jobs_open ON jobs (location) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_waiting ON jobs (ready, id) WHERE state = 'waiting';
CREATE INDEX jobs_running ON jobs (leased_until) WHERE state = 'running';
CREATE INDEX jobs_state ON jobs (state, id);

CREATE TABLE conversations (
    id text COLLATE "C" PRIMARY KEY,      -- cannot be guessed
    owner text COLLATE "C",               -- JSON of site and visitor
    visitor text COLLATE "C",             -- SHA-256 of the name in the cookie
    used timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_visitor ON conversations (visitor, used) WHERE visitor IS NOT NULL;
CREATE INDEX conversations_used ON conversations (used);

CREATE TABLE exchanges (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,  -- cannot be guessed
    conversation text COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    state text NOT NULL,
    touched timestamptz NOT NULL DEFAULT now(),
    content text NOT NULL                 -- JSON in ASCII: text may hold what no column of text takes
);
CREATE INDEX exchanges_conversation ON exchanges (conversation, number);

CREATE TABLE feedback (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message text COLLATE "C" NOT NULL,
    entry text NOT NULL                   -- JSON in ASCII
);
CREATE INDEX feedback_message ON feedback (message);

CREATE TABLE sessions (
    key text COLLATE "C" PRIMARY KEY,     -- SHA-256 of what the cookie holds
    csrf text NOT NULL,
    ends timestamptz NOT NULL,
    notices jsonb NOT NULL DEFAULT '[]'
);

CREATE TABLE lockouts (
    address text COLLATE "C" PRIMARY KEY,
    failures integer NOT NULL,
    last timestamptz NOT NULL
);

-- Lost when the server crashes, which fills every bucket again.
CREATE UNLOGGED TABLE buckets (
    name text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    tokens double precision NOT NULL,
    used timestamptz NOT NULL,
    taken boolean NOT NULL DEFAULT true,  -- whether the last one who asked got a token
    PRIMARY KEY (name, key)
) WITH (fillfactor = 50);
CREATE INDEX buckets_used ON buckets (used);

CREATE TABLE secrets (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);

-- Whoever keeps something that was made of the index hears that it changed.
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(left('citechat_' || TG_TABLE_SCHEMA, 63), NEW.name::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_change AFTER UPDATE OF name ON state FOR EACH ROW EXECUTE FUNCTION tell_change();
