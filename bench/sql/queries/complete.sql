-- A database that was loaded to the end says so in its comment.
select from pg_database where datname = $1 and shobj_description(oid, 'pg_database') = 'complete'
