-- After functions were made: what lend.sql gave.
revoke create on schema registry from rowhouse_doors;
