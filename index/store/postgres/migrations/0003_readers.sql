-- Roles that may read a part of the index (rights.py), and which role wrote what readers leave.
CREATE TABLE readers (
    role name PRIMARY KEY,
    filter text NOT NULL,                 -- what the role may read, as a filter says it
    serving boolean NOT NULL              -- whether it also writes conversations and judgements
);
ALTER TABLE conversations ADD COLUMN role name NOT NULL DEFAULT current_user;
ALTER TABLE exchanges ADD COLUMN role name NOT NULL DEFAULT current_user;
ALTER TABLE feedback ADD COLUMN role name NOT NULL DEFAULT current_user;
