delete from registry.platform_settings where key = $1 returning key
