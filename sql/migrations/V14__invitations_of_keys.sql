-- An invitation that an API key sent goes with the key, as a member's goes with the member.
alter table tenant.invitations
    add column invited_by_key uuid,
    add constraint invitations_invited_by_key_fkey foreign key (tenant_id, invited_by_key)
        references tenant.api_keys (tenant_id, id) on delete cascade;
create index invitations_invited_by_key_idx on tenant.invitations (tenant_id, invited_by_key);

-- What exceeds by now what whoever invited holds is withdrawn, as it will be from here on (registry.withdraw_invitations).
set local role rowhouse_migrator;
delete from tenant.invitations i
using tenant.memberships m
where m.tenant_id = i.tenant_id and m.user_id = i.invited_by
  and (not m.account_active or not i.permissions <@ m.permissions);
set local role rowhouse_owner;
