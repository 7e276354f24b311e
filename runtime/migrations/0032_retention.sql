-- What is kept how long: docs/operations.md. Old code survives it; it judges a device from its first reading again,
-- and there may be readings that are kept for a lead alone.

-- Event time: before it only the readings that leads rest on are kept. Null: none has been deleted yet.
CREATE TABLE retention (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    readings_since timestamptz
);
INSERT INTO retention DEFAULT VALUES;

-- To find what is old in large tables that are written in order of time.
CREATE INDEX fume_10min_begins ON fume_10min USING brin (begins_at) WITH (autosummarize = on);
CREATE INDEX fume_mean_begins ON fume_mean USING brin (begins_at) WITH (autosummarize = on);
CREATE INDEX engine_checkpoint_ts ON engine_checkpoint USING brin (ts) WITH (autosummarize = on);
CREATE INDEX audit_at ON audit USING brin (at) WITH (autosummarize = on);

-- Who saw and did what may go after six months at the earliest (《网络安全法》第二十一条), and what is about a lead never.
CREATE FUNCTION refuse_young_or_of_a_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lead_id IS NOT NULL OR OLD.at > now() - INTERVAL '184 days' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN OLD;
END $$;
DROP TRIGGER append_only ON audit;
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_young_or_of_a_lead();
