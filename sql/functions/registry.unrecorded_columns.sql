-- Not a door: columns of a table that the audit log leaves out (registry.note_changes): those it has by themselves, those that follow from others, and
-- what is counted while something is under way. A row in which nothing else has changed is not written down.
-- plpgsql, because it keeps its plan (registry.session_handle).
create or replace function registry.unrecorded_columns(of_table text) returns text[]
    language plpgsql immutable parallel safe set search_path = ''
as $$
begin
    return array['tenant_id', 'id', 'created_at', 'updated_at', 'version'] || case of_table
        when 'products' then array['search', 'in_stock']
        -- What a member's row carries of role and tenant is written down where it is changed.
        when 'memberships' then array['permissions', 'tenant_status', 'user_id']
        when 'api_keys' then array['tenant_status', 'last_used_at']
        when 'operations' then array['done', 'total', 'alive_at', 'result']
        -- What operators note for themselves.
        when 'plan_overrides' then array['note']
        when 'domains' then array['checked_at']
        when 'webhook_endpoints' then array['since_epoch', 'since_xid', 'failing_since']
        else array[]::text[]
    end;
end
$$;
alter function registry.unrecorded_columns(text) owner to rowhouse_owner;
revoke all on function registry.unrecorded_columns(text) from public;
grant execute on function registry.unrecorded_columns(text) to rowhouse_writers;
