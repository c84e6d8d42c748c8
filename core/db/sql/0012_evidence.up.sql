-- What a change of presence rests on.
ALTER TABLE change ADD COLUMN evidence jsonb;
