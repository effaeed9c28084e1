select tenant_name, full_name from registry.letterhead() where $1::uuid is not null
