select id, about, sealed, lease, attempts from registry.take_letters($1, make_interval(secs => $2))
