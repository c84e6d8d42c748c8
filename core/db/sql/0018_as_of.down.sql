DROP INDEX change_recorded;
