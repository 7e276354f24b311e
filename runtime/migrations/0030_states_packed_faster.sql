-- A state is just over what PostgreSQL packs, and packing it by pglz took half of the time of writing it.
-- Older code survives it. A server built without lz4 goes on as before.
DO $$
BEGIN
    ALTER TABLE engine_state ALTER COLUMN state SET COMPRESSION lz4;
    ALTER TABLE engine_checkpoint ALTER COLUMN state SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;
