-- What is known of a kitchen beyond the register's files, and pieces of its readings to find copies by.
-- Old code survives it: all additions.

-- From which current on a unit works, where its monitor reports no switch. Per unit: there is no value for all.
CREATE TABLE kitchen_unit (
    device_id      text PRIMARY KEY REFERENCES device ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    fan_min_a      double precision CHECK (fan_min_a > 0),
    purifier_min_a double precision CHECK (purifier_min_a > 0),
    source         text NOT NULL DEFAULT ''          -- who measured it, or which nameplate says so
);
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON kitchen_unit
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('device_id');

-- Cleanings of purifiers, as recorded. Never deleted: a wrong one is struck.
CREATE TABLE cleaning_record (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outlet_id    text NOT NULL,
    cleaned_on   date NOT NULL,
    done_by      text NOT NULL DEFAULT '',           -- the firm or person that cleaned
    note         text NOT NULL DEFAULT '',
    photo_sha256 text[] NOT NULL DEFAULT '{}',       -- of before, after, nameplate
    recorded_by  text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    struck_by    text,
    struck_at    timestamptz,
    struck_why   text
);
CREATE INDEX cleaning_record_outlet ON cleaning_record (outlet_id, cleaned_on);

-- Pieces of sixty readings by what they hold (analytics/kitchens/copies.py): the same hash twice is a copy.
-- Kept twice as long as copies are looked for.
CREATE TABLE fume_piece (
    device_id text NOT NULL,
    ts        timestamptz NOT NULL,                  -- of its last reading
    hash      bigint NOT NULL,
    PRIMARY KEY (device_id, ts)
);
CREATE INDEX fume_piece_hash ON fume_piece (hash, ts);
