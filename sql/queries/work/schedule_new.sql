insert into registry.schedules (name) values ($1) on conflict do nothing
