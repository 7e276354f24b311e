-- Figures of kitchens by ten minutes and by day, and which ten minutes have to be counted again.
-- One mechanism for every edition: whoever writes a reading or its quality marks its ten minutes in the same
-- transaction (alerts/kitchen_figures.py). Old code survives it; what came before is counted by `fleetfume kitchens count`.

CREATE TABLE fume_due (
    device_id  text NOT NULL,
    begins_at  timestamptz NOT NULL,        -- :00, :10 … of the local clock
    marked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, begins_at)
);

CREATE TABLE fume_10min (
    device_id  text NOT NULL,
    begins_at  timestamptz NOT NULL,
    open       boolean NOT NULL,            -- within the outlet's opening hours, as they were when it was counted
    limit_mg_m3 double precision,           -- in force when it was counted
    expected   real NOT NULL,               -- readings, by the monitor's interval
    readings   integer NOT NULL,
    valid      integer NOT NULL,            -- believed
    cooking    integer NOT NULL,            -- believed, with a fume, the fan not off
    fume_sum   double precision NOT NULL,   -- of those
    fume_max   double precision,
    over       integer NOT NULL,            -- of those: over the limit
    fan_on     integer NOT NULL,            -- believed, as the next two
    both_on    integer NOT NULL,            -- fan and purifier
    dithering  integer NOT NULL,            -- fan on, and a purifier that went on or off since the reading before
    PRIMARY KEY (device_id, begins_at)
);

CREATE TABLE fume_day (
    device_id  text NOT NULL,
    day        date NOT NULL,               -- in FLEETFUME_TIMEZONE
    expected   real NOT NULL,               -- readings in the opening hours of the ten minutes that were heard of
    readings   integer NOT NULL,            -- in the opening hours
    valid      integer NOT NULL,
    open_heard integer NOT NULL,            -- ten minutes of the opening hours with a reading
    cooking    integer NOT NULL,            -- this and what follows: at any time of the day
    fume_sum   double precision NOT NULL,
    fume_max   double precision,
    over       integer NOT NULL,
    fan_on     integer NOT NULL,
    both_on    integer NOT NULL,
    dithering  integer NOT NULL,
    windows    integer NOT NULL,            -- ten-minute means that are valid
    windows_over integer NOT NULL,          -- and over the limit
    interval_s real NOT NULL,               -- what one reading stands for
    PRIMARY KEY (device_id, day)
);
CREATE INDEX fume_day_day ON fume_day (day);
