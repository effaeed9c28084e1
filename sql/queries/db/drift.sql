select kind, object, difference from audit.drift order by kind, object
