select wide, narrow, turn, counters from registry.attempt($1, $2)
