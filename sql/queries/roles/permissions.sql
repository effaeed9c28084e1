-- The vocabulary is public; whoever may not see roles has no use for it.
select name, description from registry.permissions where $1 = registry.require('roles:read') order by name
