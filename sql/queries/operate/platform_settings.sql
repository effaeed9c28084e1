-- As the migrator or as rowhouse_platform.
select key, value from registry.platform_settings
