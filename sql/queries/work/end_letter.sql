select registry.end_letter($1, $2, $3, make_interval(secs => $4)) as held
