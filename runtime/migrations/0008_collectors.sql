-- Which collectors there are, or were. A collector's session at the broker outlives it, with what waits there:
-- its number stays here until the session is worked off and given up.

-- Two installations may use one broker: this name keeps their sessions and shared subscriptions apart.
CREATE TABLE installation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    name     text NOT NULL DEFAULT left(md5(gen_random_uuid()::text), 8)
);
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE collector_session (
    number     integer PRIMARY KEY,         -- its holder has advisory lock (4712, number)
    claimed_at timestamptz NOT NULL DEFAULT now()
);
