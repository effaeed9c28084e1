select datname::text as name from pg_database where datname = $1
