-- A monitor's day in figures (analytics/examination/profiles.py), for the nightly examination to compare days by.
-- Kept for two months. Old code survives it.

CREATE TABLE kitchen_profile (
    device_id text NOT NULL,
    day       date NOT NULL,                -- in FLEETFUME_TIMEZONE
    profile   jsonb NOT NULL,
    PRIMARY KEY (device_id, day)
);
CREATE INDEX kitchen_profile_day ON kitchen_profile (day);
CREATE INDEX fume_piece_ts ON fume_piece (ts);
