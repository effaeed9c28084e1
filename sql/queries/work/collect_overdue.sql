select registry.collect_overdue($1, $2) as last
