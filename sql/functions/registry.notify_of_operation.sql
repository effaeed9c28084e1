-- Trigger with its owner's rights: whoever began work that takes long is told when it has ended, well or not. Work that
-- they cancelled themselves is no news.
-- Why with rights of its own: nobody who serves may write what others are told. It is no door, nobody can call it; whom it
-- tells was written down when the work began, and check_author saw to it that it was nobody else.
create or replace function registry.notify_of_operation() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    work text := case new.kind when 'products.import' then 'Importing products'
                               when 'products.reindex' then 'Indexing products anew'
                               else new.kind end;
begin
    perform registry.notify_member(
        new.tenant_id, new.created_by, 'operation.' || new.status,
        work || case new.status when 'succeeded' then ' has ended' else ' has failed' end,
        '/operations/' || new.id, jsonb_build_object('operation_id', new.id, 'kind', new.kind, 'status', new.status));
    return null;
end
$$;
alter function registry.notify_of_operation() owner to rowhouse_writers;
revoke all on function registry.notify_of_operation() from public;
comment on function registry.notify_of_operation() is
    'Nobody who serves may write what others are told; it tells whoever began the work.';
