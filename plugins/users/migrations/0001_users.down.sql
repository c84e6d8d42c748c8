DROP TABLE users_user;
