-- Trigger, not a door: nobody grants, changes or takes away more than they hold themselves. It stands on
-- whatever carries permissions (roles, memberships, invitations, API keys) and looks at the row before and
-- after, so an admin neither makes an owner nor unmakes one. RH004 names the first permission that is missing.
-- Migrations, cascades and doors are not asked: they are not the caller's doing (sql/policies say for whom the trigger holds).
create or replace function registry.no_more_than_held() returns trigger
    language plpgsql set search_path = ''
as $$
declare
    held text[] := registry.caller_permissions();
    missing text;
begin
    -- A trigger sees what was committed, or done in this very statement, since the policies were asked: whoever has
    -- left, was removed or was revoked in between holds nothing, and is refused as the policies would have.
    if held is null then
        raise exception using errcode = case when current_setting('app.user_id') <> '' then 'RH002' else 'RH007' end,
            message = 'not of this tenant';
    end if;
    if tg_op <> 'INSERT' then
        select p into missing from unnest(old.permissions) as p where not p = any (held) limit 1;
    end if;
    if missing is null and tg_op <> 'DELETE' then
        select p into missing from unnest(new.permissions) as p where not p = any (held) limit 1;
    end if;
    if missing is not null then
        raise exception using errcode = 'RH004', message = missing;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
alter function registry.no_more_than_held() owner to rowhouse_owner;
revoke all on function registry.no_more_than_held() from public;
