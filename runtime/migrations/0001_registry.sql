-- The register of companies, vehicles, sites, routes, permits, outlets and devices, with its history.
-- Columns are the columns of the registry files (contract, section 3); geometry is GeoJSON, WGS-84.
-- Nothing came before this file.

CREATE TABLE registry_version (
    version bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    note    text NOT NULL DEFAULT ''
);

CREATE TABLE company (
    company_id  text PRIMARY KEY,
    name        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('construction', 'decoration')),
    credit_code text,
    phone       text,
    status      text NOT NULL CHECK (status IN ('active', 'suspended', 'exited')),
    review_due  date
);

CREATE TABLE vehicle (
    plate       text PRIMARY KEY,
    company_id  text REFERENCES company DEFERRABLE INITIALLY DEFERRED,
    kind        text NOT NULL CHECK (kind IN ('construction', 'decoration')),
    vin         text,
    capacity_m3 double precision,
    tare_t      double precision,
    gross_t     double precision,
    status      text NOT NULL CHECK (status IN ('active', 'suspended', 'exited'))
);
CREATE INDEX vehicle_company ON vehicle (company_id);

CREATE TABLE site (
    site_id     text PRIMARY KEY,
    name        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('source', 'disposal', 'transfer', 'parking', 'no_go')),
    geometry    jsonb NOT NULL,
    radius_m    double precision,           -- with a Point only
    valid_from  date,                       -- both days inclusive, in FLEETFUME_TIMEZONE
    valid_to    date,
    hours       text,
    capacity_m3 double precision
);

CREATE TABLE route (
    route_id   text PRIMARY KEY,
    name       text NOT NULL,
    geometry   jsonb NOT NULL,
    corridor_m double precision NOT NULL DEFAULT 100
);

CREATE TABLE road (
    road_id         text PRIMARY KEY,
    name            text NOT NULL,
    geometry        jsonb NOT NULL,
    corridor_m      double precision NOT NULL DEFAULT 30,
    speed_limit_kmh double precision
);

CREATE TABLE jurisdiction (
    code     text PRIMARY KEY,
    name     text NOT NULL,
    squad    text,
    geometry jsonb NOT NULL
);

CREATE TABLE permit (
    permit_id        text PRIMARY KEY,
    company_id       text NOT NULL REFERENCES company DEFERRABLE INITIALLY DEFERRED,
    source_site_id   text NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    disposal_site_id text REFERENCES site DEFERRABLE INITIALLY DEFERRED,
    route_id         text REFERENCES route DEFERRABLE INITIALLY DEFERRED,
    valid_from       date,
    valid_to         date,
    hours            text,
    plates           text[] NOT NULL DEFAULT '{}',   -- empty: every vehicle of the company
    volume_m3        double precision
);

CREATE TABLE outlet (
    outlet_id     text PRIMARY KEY,
    name          text NOT NULL,
    address       text,
    lat           double precision,
    lon           double precision,
    scale         text CHECK (scale IN ('small', 'medium', 'large')),
    limit_mg_m3   double precision,                  -- null: by scale
    hours         text,
    cleaned_on    date,
    cleaning_days integer
);

CREATE TABLE device (
    device_id    text PRIMARY KEY CHECK (device_id ~ '^[A-Za-z0-9_-]{1,32}$'),
    kind         text NOT NULL CHECK (kind IN ('vehicle', 'fume')),
    bound_to     text,                               -- plate or outlet_id
    serial       text,
    interval_s   double precision,
    status       text NOT NULL CHECK (status IN ('active', 'disabled')),
    installed_on date
);
CREATE INDEX device_bound_to ON device (bound_to);

CREATE TABLE device_credential (
    device_id   text PRIMARY KEY REFERENCES device ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    secret_hash text NOT NULL,                       -- in Mosquitto's own format; the secret itself is never kept
    issued_at   timestamptz NOT NULL DEFAULT now()
);

-- Every change of a register row, so that an alert can be explained by the register as it was.
CREATE TABLE registry_history (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity  text NOT NULL,
    key     text NOT NULL,
    version bigint NOT NULL REFERENCES registry_version,
    at      timestamptz NOT NULL DEFAULT now(),
    row     jsonb                                    -- null: deleted
);
CREATE INDEX registry_history_key ON registry_history (entity, key, version);

-- The writer names the version it made: SELECT set_config('fleetfume.registry_version', …, true).
CREATE FUNCTION record_registry_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END;
    this  jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) = after THEN
        RETURN NULL;
    END IF;
    INSERT INTO registry_history (entity, key, version, row)
    VALUES (TG_TABLE_NAME, this ->> TG_ARGV[0],
            current_setting('fleetfume.registry_version')::bigint, after);
    RETURN NULL;
END $$;

CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON company
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('company_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON vehicle
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('plate');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON site
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('site_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON route
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('route_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON road
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('road_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON jurisdiction
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('code');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON permit
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('permit_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON outlet
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('outlet_id');
CREATE TRIGGER history AFTER INSERT OR UPDATE OR DELETE ON device
    FOR EACH ROW EXECUTE FUNCTION record_registry_history('device_id');
