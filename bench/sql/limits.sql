-- As many requests as anybody can be allowed: they are counted as always, and none is refused.
insert into registry.platform_settings (key, value, public, description)
values ('limits.tenant_per_minute', '1000000', false, 'bench'), ('limits.principal_per_minute', '1000000', false, 'bench')
on conflict (key) do update set value = excluded.value
