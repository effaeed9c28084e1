-- Before functions are made: handing one to its owner asks that the owner may create in the schema. Taken back in the same
-- transaction, in take_back.sql.
grant create on schema registry to rowhouse_identity, rowhouse_tenancy, rowhouse_writers, rowhouse_seats, rowhouse_billing;
