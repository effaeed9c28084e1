-- After functions were made: what lend.sql gave.
revoke create on schema registry from rowhouse_identity, rowhouse_tenancy, rowhouse_writers, rowhouse_seats, rowhouse_billing;
