-- A road so short that two fixes jump over it is passed by inference: by the straight way between them, which nobody saw
-- driven. Passages from before were all seen. Older code survives it.

ALTER TABLE road_passage ADD COLUMN inferred boolean NOT NULL DEFAULT false;  -- no two fixes lay on the road
