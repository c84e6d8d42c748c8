DROP TABLE activities_activity;
