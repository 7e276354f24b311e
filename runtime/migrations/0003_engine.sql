-- What the engine knows of each device, row-versioned: of two collectors that judged the same
-- device, the slower one's commit fails, reloads and judges again.

CREATE TABLE engine_state (
    device_id text PRIMARY KEY,
    version   bigint NOT NULL,
    layout    integer NOT NULL,             -- of the bytes in `state`; another layout is rebuilt, never misread
    last_ts   timestamptz NOT NULL,         -- newest reading folded in
    state     bytea NOT NULL
);

-- States to judge again from, when late readings arrive: each holds everything up to `ts`.
CREATE TABLE engine_checkpoint (
    device_id text NOT NULL,
    ts        timestamptz NOT NULL,
    layout    integer NOT NULL,
    state     bytea NOT NULL,
    episodes  jsonb NOT NULL,               -- the device's alerts that were still going on then, as they stood
    PRIMARY KEY (device_id, ts)
);

-- What the numbers inside a state mean: the origin of its plane, and the rows of sites, routes and
-- permits. Rows are only ever added at the end, so that a state outlives every change of the register.
CREATE TABLE engine_frame (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    lat        double precision NOT NULL,
    lon        double precision NOT NULL,
    site_ids   text[] NOT NULL,
    route_ids  text[] NOT NULL,
    permit_ids text[] NOT NULL
);
