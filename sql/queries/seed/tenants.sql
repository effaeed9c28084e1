-- Every tenant there is; as the migrator, whom no wall stops.
select slug as name from registry.tenants order by slug
