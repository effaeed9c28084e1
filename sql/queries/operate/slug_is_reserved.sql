select registry.reserved_slug($1) as reserved
