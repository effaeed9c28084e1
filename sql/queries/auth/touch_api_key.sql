-- $1 is the tenant, as everywhere inside one; the door takes it from the setting.
select registry.touch_api_key() where $1::uuid is not null
