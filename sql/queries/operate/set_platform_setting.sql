insert into registry.platform_settings (key, value, public, description)
values ($1, $2, $3, $4)
on conflict (key) do update
set value = excluded.value, public = excluded.public, description = excluded.description, updated_at = now()
