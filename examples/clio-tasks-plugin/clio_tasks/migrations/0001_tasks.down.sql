-- Generated with the table by `clio-service plugins new`. Once applied, it stays as it is.
DROP TABLE tasks_task;
