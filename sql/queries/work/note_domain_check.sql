select registry.note_domain_check($2, $3, $4) as seen where $1::uuid is not null
