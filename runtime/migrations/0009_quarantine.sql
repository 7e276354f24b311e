-- What was quarantined can be read again after a fix. A row whose fault is gone stays, with its bytes, as a trace.
-- Old code survives it: all are additions.

ALTER TABLE quarantine
    ADD COLUMN resolved_at timestamptz,     -- null: it still cannot be read
    ADD COLUMN resolution  text;            -- what became of it then
CREATE INDEX quarantine_reason ON quarantine (reason, received_at);

-- What a day's stored readings together say of a device (docs/belief.md); made again whenever the day is looked at again.
CREATE TABLE device_finding (
    device_id  text NOT NULL,
    day        date NOT NULL,               -- of event time, in FLEETFUME_TIMEZONE
    code       text NOT NULL,               -- device_datum, frozen, clock_offset …
    detail     jsonb NOT NULL,              -- what was measured, beside its threshold
    found_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, day, code)
);
CREATE INDEX device_finding_day ON device_finding (day);

-- How far the clerk has come with a day's findings.
CREATE TABLE finding_progress (
    day  date PRIMARY KEY,
    past text NOT NULL DEFAULT '',          -- devices up to this id are done
    done boolean NOT NULL DEFAULT false
);

-- (4712, …) has become the clerks' advisory lock.
COMMENT ON TABLE collector_session IS 'The holder of a number has advisory lock (4714, number).';
