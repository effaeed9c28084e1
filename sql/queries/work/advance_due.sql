select registry.advance_due($1, $2) as last
