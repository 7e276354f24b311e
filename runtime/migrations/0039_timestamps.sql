-- Tokens of a time stamp authority (RFC 3161): over the head of each day of the journal, and over the manifests of
-- evidence packages. Older code survives it.

CREATE TABLE journal_head_stamp (
    day        date PRIMARY KEY REFERENCES journal_head,
    token      bytea NOT NULL,                -- the authority's answer, DER; over the head's 64 hexadecimal digits
    authority  text NOT NULL,                 -- as the token names it
    stamped_at timestamptz NOT NULL           -- as the token says
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_head_stamp
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE evidence_made ADD COLUMN token bytea;  -- over the manifest's bytes; null: none was asked for, or none came
