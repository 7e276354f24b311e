-- Loads on their way, and the listed roads they passed. Written by the collector from the engine's events, with the readings;
-- readings that come late have the stretch from a checkpoint on written anew. All times are event times.

CREATE TABLE trip (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id        text NOT NULL,
    plate            text,
    company_id       text,
    loaded_at        timestamptz NOT NULL,  -- when the load began
    source_site_id   text,                  -- null: taken up outside every source site, or nobody knows where
    permit_id        text,                  -- in force for it; the first of several
    left_at          timestamptz NOT NULL,  -- the source
    left_lat         double precision NOT NULL,
    left_lon         double precision NOT NULL,
    outcome          text NOT NULL CHECK (outcome IN ('under_way', 'delivered', 'dumped', 'unknown')),
    ended_at         timestamptz,           -- the reading by which the end was known; null: under way
    unloaded_at      timestamptz,
    unloaded_lat     double precision,
    unloaded_lon     double precision,
    unloaded_site_id text,                  -- where it was delivered
    distance_m       double precision,      -- driven, from the source to the end
    on_route_m       double precision,      -- of it within the corridor of a permitted route; null: no permit has one
    most_load        double precision,      -- 0 to 1; null: no sensor
    volume_m3        double precision,      -- estimate: the vehicle's capacity times most_load; null: capacity unknown
    UNIQUE (device_id, loaded_at)
);
CREATE INDEX trip_loaded ON trip (loaded_at, id);
CREATE INDEX trip_plate ON trip (plate, loaded_at);
CREATE INDEX trip_permit ON trip (permit_id, unloaded_at);

CREATE TABLE road_passage (
    device_id text NOT NULL,
    ts        timestamptz NOT NULL,
    road_id   text NOT NULL,
    loaded_at timestamptz NOT NULL,         -- of the trip
    PRIMARY KEY (device_id, ts, road_id)
);
CREATE INDEX road_passage_ts ON road_passage (ts);
