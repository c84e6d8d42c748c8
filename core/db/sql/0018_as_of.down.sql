-- firm.history_from_at stays: it belongs to the purging of history as much as to reading it.
DROP INDEX change_recorded;
