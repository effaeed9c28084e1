-- As the migrator. The key that seals from now on; those before it are good for an hour, and go after that.
with superseded as (
    update registry.seal_keys set superseded_at = now() where id <> $1 and superseded_at is null
), gone as (
    delete from registry.seal_keys where id <> $1 and superseded_at < now() - interval '1 hour'
)
insert into registry.seal_keys (id, inner_block, outer_block) values ($1, $2, $3)
on conflict (id) do update set superseded_at = null
returning id
