-- Random inspections (双随机): each draw with everything needed to repeat it. Older code survives it.

CREATE TABLE inspection_draw (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    made_by text NOT NULL,
    record  jsonb NOT NULL,
    hash    text NOT NULL                      -- SHA-256 of the record as canonical JSON
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inspection_draw
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
