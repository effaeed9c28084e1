select version, checksum from audit.schema_history order by version
