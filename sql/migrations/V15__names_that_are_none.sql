-- Names that stand for something else.

-- Which labels are reserved is registry.reserved_slug's to say, in one place; tenants that have one already keep it.
alter table registry.tenants drop constraint tenants_slug_check;
alter table registry.tenants add constraint tenants_slug_check check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');

-- What a machine calls its own time zone, and copies of the files in other forms, are no IANA zones
-- (registry.known_time_zone). Whoever has one begins their days anew where everybody does who has said nothing.
set local role rowhouse_migrator;
update tenant.settings set time_zone = 'UTC'
where time_zone in ('localtime', 'posixrules', 'Factory', 'Etc/Unknown', 'leapseconds') or time_zone ~ '^(posix|right|SystemV)/';
set local role rowhouse_owner;
