-- What officers do about kitchens: correction orders with their re-checks, joint actions with what they found, the
-- shop-fronts of the district, and what the nightly examination found. Old code survives it: all additions.

-- The street or town an outlet lies in, by its place; kept by whoever counts the figures.
CREATE TABLE outlet_street (
    outlet_id    text PRIMARY KEY,
    jurisdiction text                                -- null: in none
);

-- An order to put something right. Its state follows from its re-checks; nothing of it is overwritten.
CREATE TABLE correction_order (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outlet_id  text NOT NULL,
    lead_id    bigint REFERENCES lead,
    what       text NOT NULL,
    deadline   date NOT NULL,                        -- the last day, in FLEETFUME_TIMEZONE
    issued_by  text NOT NULL,
    issued_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX correction_order_outlet ON correction_order (outlet_id, id);

CREATE TABLE correction_recheck (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     bigint NOT NULL REFERENCES correction_order,
    passed       boolean NOT NULL,
    note         text NOT NULL DEFAULT '',
    photo_sha256 text[] NOT NULL DEFAULT '{}',
    new_deadline date,                               -- after a re-check that was not passed
    checked_by   text NOT NULL,
    checked_at   timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT passed OR new_deadline IS NULL)
);
CREATE INDEX correction_recheck_order ON correction_recheck (order_id, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON correction_order
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON correction_recheck
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A joint action, by its name, and what was found at each outlet.
CREATE TABLE inspection (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    begins_on  date NOT NULL,
    ends_on    date NOT NULL,
    partners   text[] NOT NULL DEFAULT '{}',         -- the other authorities that took part
    note       text NOT NULL DEFAULT '',
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (begins_on <= ends_on)
);
CREATE TABLE inspection_result (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inspection_id bigint NOT NULL REFERENCES inspection,
    outlet_id     text NOT NULL,
    visited_at    timestamptz NOT NULL,
    officer       text NOT NULL,
    problem       boolean NOT NULL,
    note          text NOT NULL DEFAULT '',
    photo_sha256  text[] NOT NULL DEFAULT '{}',
    order_id      bigint REFERENCES correction_order,
    recorded_by   text NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inspection_result_inspection ON inspection_result (inspection_id, id);
CREATE INDEX inspection_result_outlet ON inspection_result (outlet_id, visited_at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inspection_result
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Shop-fronts (门前五包): every unit along a street, with or without a kitchen.
CREATE TABLE shop_front (
    unit_id   text PRIMARY KEY,
    name      text NOT NULL,
    trade     text,
    address   text,
    lat       double precision,
    lon       double precision,
    grid_cell text,
    outlet_id text
);
CREATE INDEX shop_front_outlet ON shop_front (outlet_id);

-- What the nightly examination found suspicious, with its reasons. Suspicious is not guilty: somebody looks.
CREATE TABLE kitchen_finding (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day         date NOT NULL,                       -- the local day that was examined
    device_id   text NOT NULL,
    outlet_id   text,
    kind        text NOT NULL,
    score       double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    explained   jsonb NOT NULL,                      -- what was measured, against what
    examined_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (day, device_id, kind)
);
CREATE INDEX kitchen_finding_outlet ON kitchen_finding (outlet_id, day);
CREATE TABLE kitchen_examination (
    day         date PRIMARY KEY,
    devices     integer NOT NULL,
    findings    integer NOT NULL,
    examined_at timestamptz NOT NULL DEFAULT now()
);
