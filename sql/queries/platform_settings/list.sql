-- What anybody may know; the wall lets through no more.
select key, value from registry.platform_settings where public
