-- What HJ 212 monitors say beyond an instant's reading. Old code survives it: both are additions.

-- The instrument's own mark on a reading (devices/wire.py, Flag); null: none. A flagged reading is no measurement.
ALTER TABLE fume_reading ADD COLUMN flag text;

-- Means that the monitor made itself (CN 2051, 2061, 2031). They say nothing of an instant, so they are not
-- readings and feed no detection; they are what is left of hours whose readings never came.
CREATE TABLE fume_mean (
    device_id      text NOT NULL,
    period         text NOT NULL,          -- minute (the monitor's own, 10 min as a rule), hour, day
    begins_at      timestamptz NOT NULL,
    fume_mg_m3     double precision,
    fume_min_mg_m3 double precision,
    fume_max_mg_m3 double precision,
    pm_mg_m3       double precision,
    nmhc_mg_m3     double precision,
    flag           text,
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (device_id, period, begins_at)
);
