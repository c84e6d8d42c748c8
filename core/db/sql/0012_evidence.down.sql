ALTER TABLE change DROP COLUMN evidence;
