-- Whether each level of a review must be another person's is the office's to say. What holds in any case: who verified,
-- confirmed or filed a lead does not sign it. Until now no one could sign two levels of a round. Older code survives it.

CREATE TABLE review_rule (
    only_one        boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    distinct_people boolean NOT NULL
);
INSERT INTO review_rule (distinct_people) VALUES (false);

ALTER TABLE lead_review DROP CONSTRAINT lead_review_lead_id_round_reviewer_key;

CREATE OR REPLACE FUNCTION check_lead_review() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_lead lead;
    signed  integer;
    signer  text := role_of(NEW.reviewer);
BEGIN
    SELECT * INTO of_lead FROM lead WHERE id = NEW.lead_id FOR UPDATE;
    IF of_lead.state <> 'filed' THEN
        RAISE check_violation USING MESSAGE = format('lead %s is %s: only what is filed is reviewed', NEW.lead_id, of_lead.state);
    END IF;
    SELECT count(*) INTO signed FROM lead_review WHERE lead_id = NEW.lead_id AND round = of_lead.review_round;
    IF NEW.round <> of_lead.review_round OR NEW.position <> signed + 1
           OR of_lead.review_levels[signed + 1] IS DISTINCT FROM NEW.level THEN
        RAISE check_violation USING MESSAGE = format('lead %s: it is not %s''s turn', NEW.lead_id, NEW.level);
    END IF;
    IF NEW.reviewer = ANY(of_lead.handled_by) THEN
        RAISE check_violation USING MESSAGE = format('%s handled lead %s and cannot review it', NEW.reviewer, NEW.lead_id);
    END IF;
    IF (SELECT distinct_people FROM review_rule)
           AND EXISTS (SELECT FROM lead_review WHERE lead_id = NEW.lead_id AND round = NEW.round AND reviewer = NEW.reviewer) THEN
        RAISE check_violation USING MESSAGE = format('%s has signed lead %s already', NEW.reviewer, NEW.lead_id);
    END IF;
    IF signer IS DISTINCT FROM 'admin' AND NOT EXISTS (SELECT FROM review_level WHERE level = NEW.level AND signer = ANY(roles)) THEN
        RAISE check_violation USING MESSAGE = format('%s does not sign as %s', NEW.reviewer, NEW.level);
    END IF;
    IF NEW.verdict = 'return' THEN
        UPDATE lead SET review_round = review_round + 1 WHERE id = NEW.lead_id;
    END IF;
    RETURN NEW;
END $$;
