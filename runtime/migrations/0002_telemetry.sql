-- Readings as they were committed, and what could not be read.
-- A reading is (device_id, ts); the first one committed stands. Hypertables where TimescaleDB is there.

CREATE TABLE vehicle_position (
    ts          timestamptz NOT NULL,
    device_id   text NOT NULL,
    lat         double precision NOT NULL,
    lon         double precision NOT NULL,
    speed_kmh   double precision,
    heading_deg double precision,
    alt_m       double precision,
    hdop        double precision,
    sats        integer,
    fix         boolean,
    ignition    boolean,
    odometer_km double precision,
    load        double precision,
    lift        boolean,
    cover       text,
    seq         bigint,
    quality     text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX vehicle_position_key ON vehicle_position (device_id, ts);

CREATE TABLE fume_reading (
    ts          timestamptz NOT NULL,
    device_id   text NOT NULL,
    fume_mg_m3  double precision,
    pm_mg_m3    double precision,
    nmhc_mg_m3  double precision,
    temp_c      double precision,
    rh_pct      double precision,
    fan_on      boolean,
    purifier_on boolean,
    fan_a       double precision,
    purifier_a  double precision,
    seq         bigint,
    quality     text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX fume_reading_key ON fume_reading (device_id, ts);

-- Without TimescaleDB (the embedded PostgreSQL) the same tables stay plain.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
        PERFORM create_hypertable('vehicle_position', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
        PERFORM create_hypertable('fume_reading', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
    END IF;
END $$;
CREATE INDEX vehicle_position_ts ON vehicle_position (ts);
CREATE INDEX fume_reading_ts ON fume_reading (ts);

CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    reason      text NOT NULL,              -- a stable code
    detail      text NOT NULL DEFAULT '',   -- what exactly is wrong
    device_id   text,                       -- as the topic says, where it says one
    readings    integer                     -- how many readings of the message this row stands for; null: unknown
);
CREATE INDEX quarantine_received ON quarantine (received_at);
CREATE INDEX quarantine_device ON quarantine (device_id, received_at);

-- The newest reading of each device, for maps and lists; with what the engine made of it.
CREATE TABLE vehicle_latest (
    device_id   text PRIMARY KEY,
    ts          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lat         double precision NOT NULL,  -- of the last believed fix
    lon         double precision NOT NULL,
    speed_kmh   double precision,
    heading_deg double precision,
    load        double precision,
    lift        boolean,
    cover       text,
    ignition    boolean,
    quality     text NOT NULL,
    loaded      boolean NOT NULL,
    site_id     text                        -- the site it is in
);
CREATE INDEX vehicle_latest_received ON vehicle_latest (received_at);

CREATE TABLE fume_latest (
    device_id   text PRIMARY KEY,
    ts          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    fume_mg_m3  double precision,
    fan_on      boolean,
    purifier_on boolean,
    quality     text NOT NULL
);
