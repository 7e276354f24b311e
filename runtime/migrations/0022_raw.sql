-- Messages as they were received, and what makes a case file checkable later: packages made, days of the journal closed.
-- Older code survives it.

-- One row for each transaction of a collector: its messages, packed and compressed (alerts/rawlog.py).
CREATE TABLE raw_batch (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_first timestamptz NOT NULL,
    received_last  timestamptz NOT NULL,
    device_ids     text[] NOT NULL,           -- as the topics say
    messages       bytea NOT NULL
);
ALTER TABLE raw_batch ALTER COLUMN messages SET STORAGE EXTERNAL;
CREATE INDEX raw_batch_received ON raw_batch (received_last);

-- Messages of devices that a lead is about, kept when the batches they came in are deleted.
CREATE TABLE raw_kept (
    device_id   text NOT NULL,
    received_at timestamptz NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    hash        text NOT NULL,                -- SHA-256 of the payload
    PRIMARY KEY (device_id, received_at, hash)
);

CREATE TABLE evidence_made (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    lead_id         bigint NOT NULL REFERENCES lead,
    made_by         text NOT NULL,
    manifest_sha256 text NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence_made
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX evidence_made_at ON evidence_made (at);

-- A day of the journal, closed: one hash over everything written on it, and over the day before. Publish it, and
-- nobody can write the day anew.
CREATE TABLE journal_head (
    day       date PRIMARY KEY,               -- in FLEETFUME_TIMEZONE
    entries   integer NOT NULL,
    prev_head text NOT NULL,
    head      text NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE INDEX lead_journal_at ON lead_journal (at);
