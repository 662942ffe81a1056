-- How the questions of each day ended, and, where the operator allows it, what found nothing.
CREATE TABLE day_outcomes (
    day date NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (day, outcome)
);

CREATE TABLE day_questions (
    day date NOT NULL,
    digest bytea NOT NULL,                -- SHA-256 of the question, which may be too long for an index
    question text NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (day, digest)
);
