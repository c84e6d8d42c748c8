DROP TABLE webhook_delivery, webhook_endpoint, change, sync_cursor, sync_run, oauth_token, oauth_state, firm;
