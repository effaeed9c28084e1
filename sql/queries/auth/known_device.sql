select registry.known_device($1, $2) as known
