-- Who files a case (立案) is its handler (承办人), whose sign-off is the first: filing is no part in what is reviewed, which
-- is what was verified and confirmed. The function is that of 0020 but for this line. Cases filed before keep who handled them.

CREATE OR REPLACE FUNCTION check_lead_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mover text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'new' OR NEW.merged_into IS NOT NULL THEN
            RAISE check_violation USING MESSAGE = format('a lead begins as new, not %s', NEW.state);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.merged_into IS NOT NULL AND (NEW.state, NEW.merged_into) IS DISTINCT FROM (OLD.state, OLD.merged_into) THEN
        RAISE check_violation USING MESSAGE = format('lead %s was merged into %s and moves no more', OLD.id, OLD.merged_into);
    END IF;
    IF NEW.handled_by IS DISTINCT FROM OLD.handled_by OR NEW.review_levels IS DISTINCT FROM OLD.review_levels THEN
        RAISE check_violation USING MESSAGE = 'who handled a lead, and who reviews it, follows from its moves';
    END IF;
    IF NEW.state = OLD.state AND NEW.merged_into IS NOT DISTINCT FROM OLD.merged_into THEN
        RETURN NEW;
    END IF;
    IF NEW.merged_into IS NOT NULL THEN
        IF NEW.state <> 'closed' OR OLD.state NOT IN ('new', 'assigned', 'verifying', 'confirmed') THEN
            RAISE check_violation USING MESSAGE = format('a lead that is %s cannot be merged', OLD.state);
        END IF;
        RETURN NEW;
    END IF;
    mover := role_of(NEW.moved_by);
    IF NOT EXISTS (SELECT FROM lead_move WHERE before = OLD.state AND after = NEW.state
                      AND (mover = 'admin' OR mover = ANY(roles))) THEN
        RAISE check_violation USING MESSAGE = format('lead %s cannot be moved from %s to %s by %s (%s)', OLD.id, OLD.state,
            NEW.state, coalesce(NEW.moved_by, 'nobody'), coalesce(mover, 'no user'));
    END IF;
    CASE NEW.state
    WHEN 'verifying', 'unfounded', 'confirmed' THEN
        IF OLD.state <> 'transferred' THEN
            NEW.handled_by := array(SELECT DISTINCT unnest(OLD.handled_by || NEW.moved_by) ORDER BY 1);
        END IF;
    WHEN 'filed' THEN
        NEW.review_levels := array(SELECT level FROM review_level ORDER BY position);
        NEW.review_round := OLD.review_round + 1;
    WHEN 'transferred' THEN
        IF NEW.receiver IS NULL THEN
            RAISE check_violation USING MESSAGE = 'a transfer needs a receiver';
        END IF;
    WHEN 'decided' THEN
        IF (SELECT count(*) FROM lead_review WHERE lead_id = NEW.id AND round = NEW.review_round AND verdict = 'approve')
               < cardinality(NEW.review_levels) THEN
            RAISE check_violation USING MESSAGE = format('lead %s has not passed every review level', NEW.id);
        END IF;
    ELSE
        NULL;
    END CASE;
    RETURN NEW;
END $$;
