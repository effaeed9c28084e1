select kind, object, definition from audit.catalog order by kind, object
