select registry.hold_people() from (select $1::uuid) tenant
