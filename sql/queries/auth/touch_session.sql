select registry.touch_session(($1::text)::interval)
