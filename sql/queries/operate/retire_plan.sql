-- As the migrator. What was retired before stays retired since then.
update registry.plans set retired_at = now() where code = $1 and retired_at is null
returning code
