select registry.attempt($1, $2, ($3::text[])::interval[]) as waits
