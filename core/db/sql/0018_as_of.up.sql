-- What changed since an instant: the records that a read as of that instant restores.
CREATE INDEX change_recorded ON change (firm, resource, recorded_at);
